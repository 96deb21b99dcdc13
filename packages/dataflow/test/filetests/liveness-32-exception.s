# test: liveness
# bits: 32
# functions: f fentry
# transparent: fentry
# exceptions: faults>fixup
# A fault leaves from before the instruction: what the fix-up reads is live there, also what the instruction would have written.
f:      call    fentry
        cli
faults: mov     (%ebx), %ecx
        cli
        xor     %edx, %edx
        mov     %ecx, %eax
        ret
fixup:  cli
        mov     %ecx, %eax
        xor     %edx, %edx
        ret
fentry: ret
# ---- expected
# function c1000000 traced
#   c1000000  call 0xC1000014                  | ecx ebx esp ebp esi edi df
#   c1000005  cli                              | ecx ebx esp ebp esi edi df
#   c1000006  mov (%ebx),%ecx                  | ecx ebx esp ebp esi edi df
#   c1000008  cli                              | ecx ebx esp ebp esi edi df
#   c1000009  xor %edx,%edx                    | ecx edx ebx esp ebp esi edi df
#   c100000b  mov %ecx,%eax                    | eax edx ebx esp ebp esi edi df
#   c100000d  ret                              | eax edx ebx esp ebp esi edi df
#   c100000e  cli                              | ecx ebx esp ebp esi edi df
#   c100000f  mov %ecx,%eax                    | eax ebx esp ebp esi edi df
#   c1000011  xor %edx,%edx                    | eax edx ebx esp ebp esi edi df
#   c1000013  ret                              | eax edx ebx esp ebp esi edi df
# function c1000014
#   c1000014  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
