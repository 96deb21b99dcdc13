# test: kernel-tables
# bits: 64
# BUG and WARN without file and line (CONFIG_DEBUG_BUGVERBOSE off): three rows of 8 bytes could be two of 12, but for the
# code that they name.

.macro bug flags
881: ud2
    .pushsection __bug_table, "aw"
882: .long 881b - .
    .word \flags
    .org 882b + 8
    .popsection
.endm

    .text
    .globl check
check:
    bug 0x0909
    bug 1
    bug 0
# ---- expected
# bugs: 3
#   0x81000000 flags 0x909 warning
#   0x81000002 flags 0x1 warning
#   0x81000004 flags 0x0
