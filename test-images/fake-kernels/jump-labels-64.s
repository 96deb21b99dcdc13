# test: kernel-tables
# bits: 64
# Static keys of x86-64: 16 bytes a row, the distance to the key takes 8 of them.

.macro jump_label code, target, key, flags=0
    .pushsection __jump_table, "aw"
    .balign 8
    .long \code - ., \target - .
    .quad \key + \flags - .
    .popsection
.endm

    .text
    .globl schedule
schedule:
1:  .byte 0x0f, 0x1f, 0x44, 0x00, 0x00
    jump_label 1b, 5f, key
2:  .byte 0x66, 0x90
    jump_label 2b, 5f, key, 1
3:  jmp 5f
    jump_label 3b, 5f, key
4:  .byte 0x0f, 0x1f, 0x44, 0x00, 0x00
    jump_label 4b, schedule, key, 3
    ret
5:  ud2

    .data
    .balign 8
key: .quad 0, 0
# ---- expected
# jumpLabels: 4
#   0x81000000 -> 0x8100000f key 0x81002000
#   0x81000005 -> 0x8100000f key 0x81002000
#   0x81000007 -> 0x8100000f key 0x81002000
#   0x81000009 -> 0x81000000 key 0x81002000
