# test: plan
# bits: 32
# locks: l
f:      cli
l:      lock incl (%eax)
        ret
g:      cli
        lock incl (%eax)
        ret
# ---- expected
# c1000005 5 bytes, forward
#   +0 cli
#   +1 copy 3
#   +4 copy 1
# c1000000 cli in place: smp-lock
