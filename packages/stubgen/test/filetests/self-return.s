# test: plan
# bits: 32
# An iret that returns to itself goes along with what pushed its frame.
f:      pushf
        push %cs
        push $1f
        iret
1:      ret
# It returns elsewhere.
g:      pushf
        push %cs
        push $f
        iret
# Something enters behind the pushf.
h:      test %eax, %eax
        je 2f
        pushf
2:      push %cs
        push $3f
        iret
3:      ret
# Three of the frame's makers are not all of them.
i:      push %eax
        push %cs
        push $4f
        iret
4:      ret
# ---- expected
# c1000000 8 bytes, forward
#   +0 pushf
#   +1 push-sreg
#   +2 copy 5
#   +7 iret
# c1000009 7 bytes, forward
#   +0 pushf
#   +1 push-sreg
#   +2 copy 5
# c1000011 5 bytes, backward
#   +0 copy 2
#   +2 je c1000016
#   +4 pushf
# c1000016 6 bytes, forward
#   +0 push-sreg
#   +1 copy 5
# c100001f 6 bytes, forward
#   +0 push-sreg
#   +1 copy 5
# c1000010 iret in place: control-transfer
# c100001c iret in place: control-transfer
# c1000025 iret in place: control-transfer
