# test: liveness
# bits: 32
# functions: f fentry
# transparent: fentry
# Parts of registers: AL, AH and what lies above are live on their own.
f:      call    fentry
        cli
        mov     $1, %al
        cli
        mov     $2, %ah
        cli
        movzbl  %ah, %edx
        cli
        movzwl  %ax, %eax
        cli
        ret
fentry: ret
# ---- expected
# function c1000000 traced
#   c1000000  call 0xC1000015                  | ebx esp ebp esi edi df
#   c1000005  cli                              | ebx esp ebp esi edi df
#   c1000006  mov $1,%al                       | eax.l ebx esp ebp esi edi df
#   c1000008  cli                              | eax.l ebx esp ebp esi edi df
#   c1000009  mov $2,%ah                       | eax.lh ebx esp ebp esi edi df
#   c100000b  cli                              | eax.lh ebx esp ebp esi edi df
#   c100000c  movzbl %ah,%edx                  | eax.lh edx ebx esp ebp esi edi df
#   c100000f  cli                              | eax.lh edx ebx esp ebp esi edi df
#   c1000010  movzwl %ax,%eax                  | eax edx ebx esp ebp esi edi df
#   c1000013  cli                              | eax edx ebx esp ebp esi edi df
#   c1000014  ret                              | eax edx ebx esp ebp esi edi df
# function c1000015
#   c1000015  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
