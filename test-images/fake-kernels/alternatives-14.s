# test: kernel-tables
# bits: 64
# Alternatives of Linux 6.3 and later, 14 bytes a row: feature and flags take 32 bits.

.macro alternative site, site_end, replacement, replacement_end, feature
    .pushsection .altinstructions, "a"
    .long \site - .
    .long \replacement - .
    .long \feature
    .byte \site_end - \site
    .byte \replacement_end - \replacement
    .popsection
.endm

    .text
    .globl enter_user_access
enter_user_access:
1:  nop
    nop
    nop
2:  ret
    .globl read_time
read_time:
3:  rdtsc
    nop
4:  ret

    .section .altinstr_replacement, "ax"
5:  stac
6:  rdtscp
7:
    alternative 1b, 2b, 5b, 6b, 0x134
    alternative 3b, 4b, 6b, 7b, 0x1003b
# ---- expected
# alternatives: 2
#   0x81000000+3 <- 0x8100101c+3 feature 0x134
#   0x81000004+3 <- 0x8100101f+3 feature 0x1003b
