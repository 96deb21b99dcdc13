# test: liveness
# bits: 32
# functions: f fentry
# transparent: fentry
# warnings: warn
# Behind a WARN execution goes on; at a BUG the kernel dies, and nobody reads registers but people.
f:      call    fentry
        test    %edx, %edx
        cli
        je      1f
        cli
warn:   ud2
        cli
        mov     %ecx, %eax
        xor     %edx, %edx
        ret
1:      cli
        ud2
fentry: ret
# ---- expected
# function c1000000 traced
#   c1000000  call 0xC1000016                  | ecx edx ebx esp ebp esi edi df
#   c1000005  test %edx,%edx                   | ecx ebx esp ebp esi edi zf df
#   c1000007  cli                              | ecx ebx esp ebp esi edi zf df
#   c1000008  je 0xC1000013                    | ecx ebx esp ebp esi edi df
#   c100000a  cli                              | ecx ebx esp ebp esi edi df
#   c100000b  ud2                              | ecx ebx esp ebp esi edi df
#   c100000d  cli                              | ecx ebx esp ebp esi edi df
#   c100000e  mov %ecx,%eax                    | eax ebx esp ebp esi edi df
#   c1000010  xor %edx,%edx                    | eax edx ebx esp ebp esi edi df
#   c1000012  ret                              | eax edx ebx esp ebp esi edi df
#   c1000013  cli                              | esp
#   c1000014  ud2                              | esp
# function c1000016
#   c1000016  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
