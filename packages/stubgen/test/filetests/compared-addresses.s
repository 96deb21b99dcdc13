# test: plan
# bits: 32
# compared: c..d
c:      cli
        mov $1, %eax
        ret
d:      cli
        mov $1, %eax
        ret
# ---- expected
# c1000007 6 bytes, forward
#   +0 cli
#   +1 copy 5
# c1000000 cli in place: compared-address
