# test: liveness
# bits: 32
# functions: entry
# Entry code: IRET hands back everything, and so does a software interrupt's handler see everything.
entry:  cli
        mov     $1, %eax
        cli
        int     $0x80
        cli
        pop     %ecx
        iret
# ---- expected
# function c1000000
#   c1000000  cli                              | ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000001  mov $1,%eax                      | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000006  cli                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000007  int $0x80                        | eax edx ebx esp ebp esi edi
#   c1000009  cli                              | eax edx ebx esp ebp esi edi
#   c100000a  pop %ecx                         | eax ecx edx ebx esp ebp esi edi
#   c100000b  iret                             | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
