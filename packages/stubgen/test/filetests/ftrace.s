# test: plan
# bits: 32
# mcount: m
f:      cli
m:      nopl 0(%eax,%eax)
        ret
# ---- expected
# c1000000 cli in place: ftrace
