# test: plan
# bits: 32
f:      cli
        call *(%eax)
        ret
g:      cli
        jmp *%eax
# ---- expected
# c1000000 cli in place: indirect-transfer
# c1000004 cli in place: indirect-transfer
