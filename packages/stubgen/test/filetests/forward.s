# test: plan
# bits: 32
f:      cli
        mov $1, %eax
        ret
# As few neighbours as will do.
g:      in (%dx), %al
        inc %eax
        inc %ecx
        inc %edx
        inc %ebx
        inc %esi
        ret
# A call is the last instruction at most.
h:      cli
        call f
        ret
# A return is copied, and what fills up behind it, which never runs; nothing else behind a return.
r:      popf
        ret
        int3
        int3
        int3
        int3
s:      popf
        ret
        nop
        nop
        nop
# ---- expected
# c1000000 6 bytes, forward
#   +0 cli
#   +1 copy 5
# c1000007 5 bytes, forward
#   +0 in
#   +1 copy 1
#   +2 copy 1
#   +3 copy 1
#   +4 copy 1
# c100000e 6 bytes, forward
#   +0 cli
#   +1 call c1000000
# c1000015 5 bytes, forward
#   +0 popf
#   +1 copy 4
# c100001b 5 bytes, forward
#   +0 popf
#   +1 copy 4
