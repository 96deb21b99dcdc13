# test: kernel-tables
# bits: 64
# BUG and WARN of Linux 6.19 and later: a format string as well, and UD1 for a WARN with arguments. Three rows of 16 bytes
# could be four of 12, but for the code that they name.

.macro bug flags, insn:vararg
881: \insn
    .pushsection __bug_table, "aw"
882: .long 881b - ., format - ., file - .
    .word 42, \flags
    .org 882b + 16
    .popsection
.endm

    .text
    .globl check
check:
    bug 0, ud2
    bug 0x0909, ud1 (%edx), %rdi
    bug 1, ud2
    ret

    .section .rodata
file: .asciz "kernel/fake.c"
format: .asciz "%d"
# ---- expected
# bugs: 3
#   0x81000000 flags 0x0
#   0x81000002 flags 0x909 warning
#   0x81000007 flags 0x1 warning
