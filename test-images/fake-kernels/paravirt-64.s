# test: kernel-tables
# bits: 64
# Paravirt call sites of x86-64: the rows are 16 bytes.

.macro paravirt type
771: call *pv_ops + 8 * \type
772:
    .pushsection .parainstructions, "a"
    .balign 8
    .quad 771b
    .byte \type, 772b - 771b
    .balign 8
    .popsection
.endm

    .text
    .globl save_flags
save_flags:
    paravirt 9
    ret
    .section .init.text, "ax"
    .globl early_write_cr3
early_write_cr3:
    paravirt 3
    ret

    .data
pv_ops:
    .fill 16, 8, 0
# ---- expected
# paravirt: 2
#   0x81000000+7 type 9
#   0x81001080+7 type 3
