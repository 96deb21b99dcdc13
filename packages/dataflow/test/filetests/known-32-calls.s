# test: known
# bits: 32
# functions: f traced plain fentry
# transparent: fentry
# Callee-saved registers survive a call to compiled C; nothing survives one to anything else.
f:      call    fentry
        mov     $0x61, %ebx
        mov     $0x62, %ecx
        call    traced
        mov     %ebx, %edx
        in      %dx, %al
        mov     %ecx, %edx
        in      %dx, %al
        call    plain
        mov     %ebx, %edx
        in      %dx, %al
        ret
traced: call    fentry
        ret
plain:  xor     %ebx, %ebx
        ret
fentry: ret
# ---- expected
# c1000016  in %dx,%al     dx = 61
# c1000019  in %dx,%al     dx = 62
# c1000021  in %dx,%al     dx = ? (call)
