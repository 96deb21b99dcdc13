# test: known
# bits: 32
# functions: f g fentry
# transparent: fentry
# What is not known has a reason. Padding that nothing leads to brings nothing in.
f:      call    fentry
        mov     (%ebx), %edx
        out     %al, %dx
        mov     $1, %edx
1:      out     %al, %dx
        add     %edx, %edx
        test    %eax, %eax
        jne     1b
        call    *%ebx
        mov     %eax, %edx
        out     %al, %dx
        rdtsc
        out     %al, %dx
        mov     $0x64, %edx
        jmp     2f
        nop
        .byte   0x8d, 0x74, 0x26, 0x00
        int3
2:      out     %al, %dx
        ret
g:      call    fentry
        mov     %eax, %edx
        out     %al, %dx
        ret
fentry: ret
# ---- expected
# c1000007  out %al,%dx    dx = ? (memory)
# c100000d  out %al,%dx    dx = ? (computation)
# c1000018  out %al,%dx    dx = ? (call)
# c100001b  out %al,%dx    dx = ? (computation)
# c1000029  out %al,%dx    dx = 64
# c1000032  out %al,%dx    dx = ? (caller)
