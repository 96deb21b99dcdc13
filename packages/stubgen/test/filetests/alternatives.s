# test: plan
# bits: 32
# alternatives: a:5>r:5
f:      cli
a:      nop
        nop
        nop
        nop
        nop
        ret
g:      cli
        mov $1, %eax
        ret
r:      cli
        mov %eax, (%ebx)
        nop
        nop
# ---- expected
# c1000007 6 bytes, forward
#   +0 cli
#   +1 copy 5
# c1000000 cli in place: alternatives
# c100000e cli in place: alternative-replacement
