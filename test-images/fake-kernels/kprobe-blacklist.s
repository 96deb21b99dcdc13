# test: kernel-tables
# bits: 32
# Functions that must not be probed. The neighbours are pointers to functions as well, but of init data.

.macro function name, probed=0
    .globl \name
\name: ret
    .if \probed == 0
    .pushsection _kprobe_blacklist, "aw"
    .balign 4
    .long \name
    .popsection
    .endif
.endm

    .text
    function get_kprobe
    function ordinary, 1
    function notify_die
    function do_int3
    function another, 1

    .section .init.data, "aw"
    .long another, ordinary, 0
# ---- expected
# kprobeBlacklist: 3
#   0xc1000000
#   0xc1000002
#   0xc1000003
