# test: plan
# bits: 32
f:      cli
        .byte 0xff, 0xff, 0xff
# Where the next one begins is a guess, up to what something leads to.
        sti
        xor %eax, %eax
        ret
        .byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66
        cli
        mov $1, %eax
        jmp 1f
1:      cli
        mov $1, %eax
        ret
# ---- expected
# c100001f 6 bytes, forward
#   +0 cli
#   +1 copy 5
# c1000000 cli in place: invalid
# c1000004 sti in place: invalid
# c1000009 cli in place: invalid
