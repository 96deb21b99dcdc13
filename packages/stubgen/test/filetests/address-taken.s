# test: plan
# bits: 32
# taken: t
f:      cli
t:      mov $1, %eax
        ret
g:      cli
u:      mov $1, %eax
        ret
# ---- expected
# c1000007 6 bytes, forward
#   +0 cli
#   +1 copy 5
# c1000000 cli in place: address-taken
