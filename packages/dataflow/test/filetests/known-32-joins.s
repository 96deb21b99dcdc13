# test: known
# bits: 32
# functions: f fentry
# transparent: fentry
# Where paths join, what both agree on stays known; a loop that changes it loses it.
f:      call    fentry
        mov     $0x20, %edx
        test    %eax, %eax
        je      1f
        mov     $0x20, %edx
1:      out     %al, %dx
        je      2f
        mov     $0xa0, %edx
2:      out     %al, %dx
        mov     $0x3c0, %edx
3:      out     %al, %dx
        inc     %edx
        dec     %ecx
        jne     3b
        mov     $0xcf8, %edx
        mov     $0xcfc, %ecx
        cmove   %ecx, %edx
        out     %al, %dx
        ret
fentry: ret
# ---- expected
# c1000013  out %al,%dx    dx = 20
# c100001b  out %al,%dx    dx = 20|a0
# c1000021  out %al,%dx    dx = ? (computation)
# c1000033  out %al,%dx    dx = cf8|cfc
