# test: plan
# bits: 32
f:      cli
        jecxz f
        mov $1, %eax
        ret
g:      cli
        loop f
        ret
# ---- expected
# c1000000 cli in place: short-branch
# c1000009 cli in place: short-branch
