# test: plan
# bits: 32
# jump-labels: j>t k>t
f:      cli
j:      nop
        nop
        nop
        ret
g:      cli
k:      jmp t
h:      push %eax
        cli
t:      mov $1, %eax
        ret
# The table is there: a jump that is not in it stays a jump.
i:      cli
        .byte 0xe9
        .long h - . - 4
# ---- expected
# c1000010 6 bytes, forward
#   +0 cli
#   +1 jump c1000008
# c1000000 cli in place: jump-label
# c1000005 cli in place: jump-label
# c1000009 cli in place: jump-label
