# test: plan
# bits: 32
# What follows the sti is a branch target, so the window has to start at the test.
short:  test $2, %ah
        je 1f
        sti
1:      mov %eax, %ebx
        ret
and:    and $0x200, %edi
        je 1f
        sti
1:      ret
byte:   testb $2, -11(%ebp)
        je 1f
        sti
1:      ret
# Another target, 32 bits away: the stub repeats the branch.
far:    testl $0x200, -20(%ebp)
        .byte 0x0f, 0x84
        .long short - . - 4
        sti
        jmp short
spaced: test $0x200, %esi
        mov %eax, %ecx
        je 1f
        sti
1:      ret
# ---- expected
# c1000000 6 bytes, idiom
#   +0 copy 3
#   +3 je c1000006
#   +5 sti
# c1000009 9 bytes, idiom
#   +0 copy 6
#   +6 je c1000012
#   +8 sti
# c1000013 7 bytes, idiom
#   +0 copy 4
#   +4 je c100001a
#   +6 sti
# c100001b 14 bytes, idiom
#   +0 copy 7
#   +7 je c1000000
#   +13 sti
# c100002b 11 bytes, idiom
#   +0 copy 6
#   +6 copy 2
#   +8 je c1000036
#   +10 sti
