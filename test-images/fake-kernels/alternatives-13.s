# test: kernel-tables
# bits: 64
# Alternatives of Linux 4.0 to 5.12, 13 bytes a row: the last byte counts the padding of the site.

    .text
    .globl barrier
barrier:
1:  lfence
2:  ret

    .section .altinstr_replacement, "ax"
3:  mfence
4:
    .section .altinstructions, "a"
    .long 1b - ., 3b - .
    .word 0x91
    .byte 2b - 1b, 4b - 3b, 0
    .long 1b - ., 4b - .
    .word 0x92
    .byte 2b - 1b, 0, 3
# ---- expected
# alternatives: 2
#   0x81000000+3 <- 0x8100101a+3 feature 0x91
#   0x81000000+3 <- 0x8100101d+0 feature 0x92
