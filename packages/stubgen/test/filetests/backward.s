# test: plan
# bits: 32
f:      mov %eax, %ebx
        push %ebx
        popf
1:      dec %ecx
        jne 1b
        ret
# Nothing may be in front of it in a window but instructions that run on.
g:      push %eax
        push %ecx
        xor %eax, %eax
        cli
2:      pause
        jmp 2b
# ---- expected
# c1000008 5 bytes, backward
#   +0 copy 1
#   +1 copy 1
#   +2 copy 2
#   +4 cli
# c1000003 popf in place: function-boundary
