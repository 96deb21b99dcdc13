# test: plan
# bits: 32
# static-calls: s
# trampolines: tramp
# tables: all
f:      cli
s:      call g
g:      ret
        nop
tramp:  cli
        mov $1, %eax
        ret
        nop
# ---- expected
# c1000000 cli in place: static-call
# c1000008 cli in place: static-call
