# test: kernel-tables
# bits: 64
# BUG and WARN on x86-64: distances, with file and line.

.macro bug flags, line
881: ud2
    .pushsection __bug_table, "aw"
882: .long 881b - ., file - .
    .word \line, \flags
    .org 882b + 12
    .popsection
.endm

    .text
    .globl check
check:
    test %edi, %edi
    je 1f
    bug 0x0909, 7
    ret
1:  bug 0, 9

    .section .rodata
file: .asciz "kernel/fake.c"
# ---- expected
# bugs: 2
#   0x81000004 flags 0x909 warning
#   0x81000007 flags 0x0
