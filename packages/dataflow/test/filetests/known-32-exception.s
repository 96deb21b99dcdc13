# test: known
# bits: 32
# functions: f fentry
# transparent: fentry
# exceptions: faults>fixup
# Nothing is known at a fix-up: the handler of the exception may write any register that its row names.
f:      call    fentry
        mov     $0x10, %ecx
        mov     $0x1b, %edx
faults: mov     (%eax), %ecx
        rdmsr
        ret
fixup:  rdmsr
        ret
fentry: ret
# ---- expected
# c1000011  rdmsr          ecx = ? (memory)
# c1000014  rdmsr          ecx = ? (exception)
