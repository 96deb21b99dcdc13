# test: known
# bits: 32
# functions: f constant either tail unseen helper fentry
# transparent: fentry
# Results of visible functions; registers that a helper in assembly does not write.
f:      call    fentry
        call    constant
        mov     %eax, %edx
        out     %al, %dx
        call    either
        mov     %eax, %edx
        out     %al, %dx
        call    tail
        mov     %eax, %edx
        out     %al, %dx
        call    unseen
        mov     %eax, %edx
        out     %al, %dx
        mov     $0x64, %edx
        call    helper
        out     %al, %dx
        mov     $0x65, %ecx
        call    helper
        mov     %ecx, %edx
        out     %al, %dx
        ret
constant: call  fentry
        mov     $0x70, %eax
        ret
either: call    fentry
        test    %ecx, %ecx
        mov     $0x2f8, %eax
        je      1f
        mov     $0x3f8, %eax
1:      ret
tail:   call    fentry
        jmp     constant
unseen: call    fentry
        jmp     *%ecx
helper: add     %ecx, %eax
        xor     %ecx, %ecx
        ret
fentry: ret
# ---- expected
# c100000c  out %al,%dx    dx = 70
# c1000014  out %al,%dx    dx = 2f8|3f8
# c100001c  out %al,%dx    dx = 70
# c1000024  out %al,%dx    dx = ? (call)
# c100002f  out %al,%dx    dx = 64
# c100003c  out %al,%dx    dx = ? (call)
