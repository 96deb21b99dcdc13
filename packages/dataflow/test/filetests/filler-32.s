# test: liveness
# bits: 32
# functions: closed next fentry
# transparent: fentry
# taken: closed
# What aligns the next function is no way into it: `next` is only called, and only with what its caller has.
closed: call    fentry
        mov     $1, %eax
        call    next
        xor     %eax, %eax
        xor     %edx, %edx
        ret
        lea     0(%esi), %esi
        nop
next:   call    fentry
        cli
        ret
fentry: ret
# ---- expected
# function c1000000 traced
#   c1000000  call 0xC100001E                  | ebx esp ebp esi edi df
#   c1000005  mov $1,%eax                      | ebx esp ebp esi edi df
#   c100000a  call 0xC1000017                  | ebx esp ebp esi edi df
#   c100000f  xor %eax,%eax                    | eax ebx esp ebp esi edi df
#   c1000011  xor %edx,%edx                    | eax edx ebx esp ebp esi edi df
#   c1000013  ret                              | eax edx ebx esp ebp esi edi df
#   c1000014  lea (%esi),%esi                  | esp
#   c1000016  nop                              | esp
# function c1000017 traced
#   c1000017  call 0xC100001E                  | ebx esp ebp esi edi df
#   c100001c  cli                              | ebx esp ebp esi edi df
#   c100001d  ret                              | ebx esp ebp esi edi df
# function c100001e
#   c100001e  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
