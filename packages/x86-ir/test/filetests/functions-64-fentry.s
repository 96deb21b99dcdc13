# test: functions
# bits: 64
# functions: f g h
# transparent: fentry
# traced: nop_call
# The tracer's call may come behind ENDBR, and may have become a NOP.
f:      endbr64
        call    fentry
        ret
g:      endbr64
nop_call:
        nopl    0(%rax,%rax)
        ret
h:      lea     fentry(%rip), %rax
        ret
fentry: ret
# ---- expected
# function 0: 81000000-8100000a (3) traced
# function 1: 8100000a-81000013 (3) traced
# function 2: 81000013-8100001b (2)
# function 3: 8100001b-8100001c (1) transparent address taken
