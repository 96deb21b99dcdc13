# test: known
# bits: 32
# functions: f fentry
# transparent: fentry
# exceptions: faults>fixup moves>fixup2
# handler-writes: eax edx
# A handler whose writes are known leaves the rest, and so does the instruction that may stop half-way.
f:      call    fentry
        mov     $0x10, %ecx
        mov     $0x1b, %edx
faults: rdmsr
fixup:  rdmsr
        mov     $0x20, %ecx
moves:  rep movsb
fixup2: rdmsr
        ret
fentry: ret
# ---- expected
# c100000f  rdmsr          ecx = 10
# c1000011  rdmsr          ecx = 10
# c100001a  rdmsr          ecx = ? (exception)
