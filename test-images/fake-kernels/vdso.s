# test: kernel-tables
# bits: 32
# Two vDSO images in read-only data, one of them of two pages; a relocatable object and a cut-off image are none.

.macro elf32 type, sections
    .balign 4096
9:  .byte 0x7f
    .ascii "ELF"
    .byte 1, 1, 1
    .org 9b + 16
    .word \type, 3
    .long 1, 0, 52, \sections, 0
    .word 52, 32, 1, 40, 2, 0
    # One program header: the first 0x180 bytes.
    .long 1, 0, 0, 0, 0x180, 0x180, 5, 4096
.endm

    .text
    .globl start_kernel
start_kernel: ret

    .section .rodata
    elf32 3, 0x200
    elf32 1, 0x200
    elf32 3, 0x1100
    .org 9b + 8192
    elf32 3, 0x90000
    .balign 4096
# ---- expected
# vdso: 2
#   0xc1001000..0xc1002000
#   0xc1003000..0xc1005000
