# test: plan
# bits: 32
# functions: f g
        nop
        nop
        nop
f:      cli
g:      mov $1, %eax
        ret
        sti
# ---- expected
# c1000003 cli in place: function-boundary
# c100000a sti in place: function-boundary
