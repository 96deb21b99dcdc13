# test: kernel-tables
# bits: 32
# Alternatives of Linux 5.13 to 6.2, 12 bytes a row: a barrier with two choices, of which the later wins, and clac by
# the absence of a feature.

.macro alternative site, site_end, replacement, replacement_end, feature
    .pushsection .altinstructions, "a"
    .long \site - .
    .long \replacement - .
    .word \feature
    .byte \site_end - \site
    .byte \replacement_end - \replacement
    .popsection
.endm

    .text
    .globl barrier
barrier:
1:  lock addl $0, -4(%esp)
2:  ret
    .globl leave_user_access
leave_user_access:
3:  nop
    nop
    nop
4:  ret

    .section .altinstr_replacement, "ax"
5:  lfence
6:  mfence
7:  clac
8:
    alternative 3b, 4b, 7b, 8b, 0x134
    alternative 1b, 2b, 5b, 6b, 0x1a
    alternative 1b, 2b, 6b, 7b, 0x804c
    alternative 3b, 4b, 8b, 8b, 0x13
# ---- expected
# alternatives: 4
#   0xc1000000+6 <- 0xc1001030+3 feature 0x1a
#   0xc1000000+6 <- 0xc1001033+3 feature 0x804c
#   0xc1000007+3 <- 0xc1001036+3 feature 0x134
#   0xc1000007+3 <- 0xc1001039+0 feature 0x13
