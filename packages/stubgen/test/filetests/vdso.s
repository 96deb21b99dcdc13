# test: plan
# bits: 32
# vdso: v..w
v:      pushf
        mov $1, %eax
        ret
w:      pushf
        mov $1, %eax
        ret
# ---- expected
# c1000007 6 bytes, forward
#   +0 pushf
#   +1 copy 5
# c1000000 pushf in place: vdso
