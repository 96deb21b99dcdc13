# test: kernel-tables
# bits: 32
# Paravirt call sites: absolute addresses, a type and a length each. The last row lacks its padding.

.macro paravirt type
771: call *pv_ops + 4 * \type
772:
    .pushsection .parainstructions, "a"
    .balign 4
    .long 771b
    .byte \type, 772b - 771b
    .popsection
.endm

    .text
    .globl save_flags
save_flags:
    paravirt 9
    ret
    .globl restore_flags
restore_flags:
    push %ebx
    paravirt 11
    pop %ebx
    ret

    .data
pv_ops:
    .fill 16, 4, 0
# ---- expected
# paravirt: 2
#   0xc1000000+6 type 9
#   0xc1000008+6 type 11
