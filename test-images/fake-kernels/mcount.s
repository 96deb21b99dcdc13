# test: kernel-tables
# bits: 32
# Calls of the function tracer at the start of each function; one function is not traced.

.macro function name
    .globl \name
\name:
1:  call __fentry__
    .pushsection __mcount_loc, "a"
    .balign 4
    .long 1b
    .popsection
.endm

    .text
    .globl __fentry__
__fentry__: ret
    function first
    ret
    .globl untraced
untraced:
    call first
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

    .section .init.data, "aw"
    .long first, untraced, 0
# ---- expected
# mcount: 4
#   0xc1000001
#   0xc100000d
#   0xc1000018
#   0xc1001000
