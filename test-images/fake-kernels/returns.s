# test: kernel-tables
# bits: 64
# Returns through the return thunk. objtool writes the rows in its own order.

.macro return
1:  jmp __x86_return_thunk
    .pushsection .return_sites, "a"
    .long 1b - .
    .popsection
.endm

    .section .init.text, "ax"
    .globl start_kernel
start_kernel:
    return

    .text
    .globl first
first:
    return
    .globl second
second:
    je 2f
    return
2:  return
    .globl __x86_return_thunk
__x86_return_thunk: ret
# ---- expected
# returns: 4
#   0x81000000
#   0x81000004
#   0x81000006
#   0x81001000
