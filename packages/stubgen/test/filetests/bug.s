# test: plan
# bits: 32
# bugs: b
f:      cli
b:      ud2
        mov $1, %eax
        ret
g:      cli
        ud2
# ---- expected
# c1000000 cli in place: bug
# c1000009 cli in place: bug
