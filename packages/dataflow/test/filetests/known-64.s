# test: known
# bits: 64
# functions: f fentry
# transparent: fentry
# MSR indices and CPUID leaves on x86-64.
f:      call    fentry
        mov     $0xc0000080, %ecx
        rdmsr
        mov     %ecx, %esi
        mov     $7, %eax
        cpuid
        mov     %esi, %ecx
        wrmsr
        shr     $4, %rcx
        rdmsr
        ret
fentry: ret
# ---- expected
# 8100000a  rdmsr          ecx = c0000080
# 81000013  cpuid          eax = 7
# 81000017  wrmsr          ecx = c0000080
# 8100001d  rdmsr          ecx = ? (computation)
