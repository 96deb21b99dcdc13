# test: plan
# bits: 32
idle:   nop
        nop
        nop
        sti
        hlt
        mov $1, %eax
        ret
stack:  mov %eax, %ss
        mov %edx, %esp
        nop
        ret
# No stack pointer behind it: an ordinary load.
plain:  mov %eax, %ss
        mov $1, %edx
        ret
alone:  hlt
        mov $1, %eax
        ret
# ---- expected
# c1000011 7 bytes, forward
#   +0 mov-to-sreg
#   +2 copy 5
# c1000019 6 bytes, forward
#   +0 hlt
#   +1 copy 5
# c1000003 sti in place: interrupt-shadow
# c1000004 hlt in place: interrupt-shadow
# c100000b mov-to-sreg in place: interrupt-shadow
