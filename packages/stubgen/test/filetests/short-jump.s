# test: plan
# bits: 32
# No room for a jump of five bytes; the padding behind the return has it.
f:      test %eax, %eax
        jne 1f
        call f
        sti
        xor %eax, %eax
1:      pop %ebx
        ret
        .byte 0x8d, 0xb4, 0x26, 0, 0, 0, 0
# Something leads to the padding.
g:      call 2f
        sti
        xor %eax, %eax
1:      jmp 1b
2:      int3
        int3
        int3
        int3
        int3
# Another site on the way there would be in two places.
h:      call h
        sti
        xor %eax, %eax
1:      jne 1b
2:      hlt
        jmp 2b
        int3
        int3
        int3
        int3
        int3
# Not even two bytes.
i:      call i
        sti
1:      jne 1b
        ret
        int3
        int3
        int3
        int3
        int3
# ---- expected
# c1000009 12 bytes, short
#   +0 sti
#   +1 copy 2
#   +3 copy 1
#   +4 copy 8
# c100002e 5 bytes, forward
#   +0 hlt
#   +1 jump c100002e
# c100001a sti in place: branch-target
# c1000029 sti in place: branch-target
# c100003b sti in place: branch-target
