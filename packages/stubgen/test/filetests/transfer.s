# test: plan
# bits: 32
# A call in front and a short jump behind.
f:      call g
        sti
        jmp f
g:      ret
# ---- expected
# c1000005 sti in place: transfer
