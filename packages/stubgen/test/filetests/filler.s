# test: plan
# bits: 32
# What fills up behind a return or a jump is never entered, so a window may reach into it.
# functions: f g h k
f:      sti
        ret
        .byte 0x8d, 0x74, 0x26, 0x00
        nop
g:      sti
        jmp f
        .byte 0x8d, 0x76, 0x00
h:      sti
        jmp f
        nop
        mov %ecx, %eax
# Entered after all.
k:      sti
        ret
1:      nop
        nop
        nop
        nop
        je 1b
# ---- expected
# c1000000 6 bytes, forward
#   +0 sti
#   +1 copy 5
# c1000007 6 bytes, forward
#   +0 sti
#   +1 jump c1000000
# c100000d sti in place: transfer
# c1000013 sti in place: branch-target
