# test: plan
# bits: 32
# paravirt: p:6
p:      cli
        nopl 0(%eax)
        nop
        nop
        ret
# ---- expected
# c1000000 cli in place: paravirt
