# test: plan
# bits: 64
f:      cli
        mov data(%rip), %eax
        ret
g:      invlpg data(%rip)
        ret
h:      cli
        mov 5(%rax), %ecx
        mov data, %eax
        ret
# i386 has the same encoding for an absolute address.
data:   .quad 0
# ---- expected
# 81000010 11 bytes, forward
#   +0 cli
#   +1 copy 3
#   +4 copy 7
# 81000000 cli in place: position-dependent
# 81000008 invlpg in place: position-dependent
