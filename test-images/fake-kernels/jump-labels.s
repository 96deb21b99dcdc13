# test: kernel-tables
# bits: 32
# Static keys: a 5-byte NOP, a 2-byte NOP, and jumps of both sizes. The key's lowest bits are flags.

.macro jump_label code, target, key, flags=0
    .pushsection __jump_table, "aw"
    .balign 4
    .long \code - ., \target - ., \key + \flags - .
    .popsection
.endm

    .text
    .globl schedule
schedule:
1:  .byte 0x3e, 0x8d, 0x74, 0x26, 0x00
    jump_label 1b, 3f, sched_key
2:  .byte 0x66, 0x90
    jump_label 2b, 3f, clock_key, 1
    ret
3:  mov $1, %eax
4:  jmp 3b
    jump_label 4b, 3b, sched_key, 1
5:  .byte 0xe9
    .long schedule - (. + 4)
    jump_label 5b, schedule, clock_key
    ret

    .section .init.text, "ax"
    .globl early
early:
6:  .byte 0x0f, 0x1f, 0x44, 0x00, 0x00
    jump_label 6b, 7f, sched_key, 2
    ret
7:  hlt
    ret

    .data
    .balign 4
sched_key: .long 0, 0
clock_key: .long 0, 0
# ---- expected
# jumpLabels: 5
#   0xc1000000 -> 0xc1000008 key 0xc1002000
#   0xc1000005 -> 0xc1000008 key 0xc1002008
#   0xc100000d -> 0xc1000008 key 0xc1002000
#   0xc100000f -> 0xc1000000 key 0xc1002008
#   0xc1002010 -> 0xc1002016 key 0xc1002000
