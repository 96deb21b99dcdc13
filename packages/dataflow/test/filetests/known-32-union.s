# test: known
# bits: 32
# functions: bounded either mask fentry
# transparent: fentry
# A counter that a comparison bounds is a pattern, and where banks lie here or there, two families stay apart.
bounded: call   fentry
        xor     %esi, %esi
1:      lea     0x401(,%esi,4), %ecx
        rdmsr
        test    %al, (%ebx)
        je      2f
        mov     %esi, %ecx
        shl     $4, %ecx
        add     $0xc0002001, %ecx
2:      rdmsr
        inc     %esi
        cmp     $0x20, %esi
        jb      1b
# Without a bound, nothing is known.
        xor     %esi, %esi
3:      lea     0x401(,%esi,4), %ecx
        rdmsr
        inc     %esi
        cmp     (%ebx), %esi
        jb      3b
        ret
# 0 and -1 agree on no bit, but that is not anything: the other way counts, too.
either: call    fentry
        cmp     $1, %eax
        sbb     %ecx, %ecx
        rdmsr
        test    %bl, %bl
        je      1f
        mov     $0x10, %ecx
1:      rdmsr
        ret
mask:   call    fentry
        movzbl  %al, %ecx
        shl     $4, %ecx
        rdmsr
        ret
fentry: ret
# ---- expected
# c100000e  rdmsr          ecx = 000004**
# c100001f  rdmsr          ecx = 000004**|c0002*.1
# c1000030  rdmsr          ecx = .......* (computation)
# c1000042  rdmsr          ecx = 0|ffffffff
# c100004d  rdmsr          ecx = 0|10|ffffffff
# c100005b  rdmsr          ecx = 00000..0
