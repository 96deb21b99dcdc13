# test: kernel-tables
# bits: 64
# Calls of the function tracer on x86-64: words of 64 bits.

.macro function name
    .globl \name
\name:
1:  call __fentry__
    .pushsection __mcount_loc, "a"
    .balign 8
    .quad 1b
    .popsection
.endm

    .text
    .globl __fentry__
__fentry__: ret
    function first
    ret
    function second
    call first
    ret
    function third
    ret
    .section .init.text, "ax"
    function start_kernel
    call second
    ret
# ---- expected
# mcount: 4
#   0x81000001
#   0x81000007
#   0x81000012
#   0x81001000
