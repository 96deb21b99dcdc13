# test: plan
# bits: 32
f:      cli
        .byte 0xff, 0xff, 0xff
# ---- expected
# c1000000 cli in place: invalid
