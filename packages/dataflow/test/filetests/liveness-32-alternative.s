# test: liveness
# bits: 32
# functions: f fentry
# transparent: fentry
# alternatives: site-behind>new-new_end
# Either the site's bytes run or the replacement: what either reads is live before it, what only one writes is not written.
f:      call    fentry
        cli
site:   mov     $1, %ecx
behind: cli
        mov     %ecx, %eax
        xor     %edx, %edx
        ret
fentry: ret
new:    lea     (%edx), %eax
new_end:
        nop
# ---- expected
# function c1000000 traced
#   c1000000  call 0xC1000011                  | ecx edx ebx esp ebp esi edi df
#   c1000005  cli                              | ecx edx ebx esp ebp esi edi df
#   c1000006  mov $1,%ecx                      | ecx ebx esp ebp esi edi df
#   c100000b  cli                              | ecx ebx esp ebp esi edi df
#   c100000c  mov %ecx,%eax                    | eax ebx esp ebp esi edi df
#   c100000e  xor %edx,%edx                    | eax edx ebx esp ebp esi edi df
#   c1000010  ret                              | eax edx ebx esp ebp esi edi df
# function c1000011
#   c1000011  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000012  lea (%edx),%eax                  | ecx ebx esp ebp esi edi df
#   c1000014  nop                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
