# test: kernel-tables
# bits: 64
# Static calls: calls and a tail jump to trampolines. The key's lowest bits are flags (1: tail call, 2: init code).

.macro static_call insn, name, flags=0
1:  \insn __SCT__\name
    .pushsection .static_call_sites, "a"
    .balign 4
    .long 1b - ., __SCK__\name + \flags - .
    .popsection
.endm

.macro trampoline name
    .pushsection .static_call.text, "ax"
    .balign 8
    .globl __SCT__\name
__SCT__\name: jmp native
    .popsection
    .pushsection .data
    .balign 8
__SCK__\name: .quad native, 0
    .popsection
.endm

    .text
    .globl native
native: ret
    .globl work
work:
    static_call call, cond_resched
    static_call call, might_resched
    # A jump near enough to be short would not be a site.
    static_call jmp.d32, cond_resched, 1
    .section .init.text, "ax"
    .globl early_work
early_work:
    static_call call, cond_resched, 2
    ret

    trampoline cond_resched
    trampoline might_resched
# ---- expected
# staticCalls: 4
#   0x81000001 key 0x81002000
#   0x81000006 key 0x81002010
#   0x8100000b key 0x81002000 tail
#   0x81002020 key 0x81002000
