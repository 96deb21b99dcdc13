# test: kernel-tables
# bits: 32
# BUG and WARN on i386: absolute addresses, with file and line.

.macro bug flags
881: ud2
    .pushsection __bug_table, "aw"
882: .long 881b, file
    .word 42, \flags
    .org 882b + 12
    .popsection
.endm

    .text
    .globl check
check:
    test %eax, %eax
    je 1f
    bug 0x0909
    ret
1:  bug 0

    .section .init.text, "ax"
    .globl check_once
check_once:
    bug 0x0901
    ret

    .section .rodata
file: .asciz "kernel/fake.c"
# ---- expected
# bugs: 3
#   0xc1000004 flags 0x909 warning
#   0xc1000007 flags 0x0
#   0xc1002024 flags 0x901 warning
