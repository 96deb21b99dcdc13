# test: liveness
# bits: 32
# assume: none
# functions: f fentry
# transparent: fentry
# Without assumptions a return, an indirect call and a BUG read everything; visible code still counts.
f:      call    fentry
        cli
        mov     $1, %ecx
        test    %eax, %eax
        je      1f
        cli
        call    *(%ebx)
        cli
        ret
1:      cli
        mov     $2, %eax
        ud2
fentry: ret
# ---- expected
# function c1000000 traced
#   c1000000  call 0xC100001C                  | eax edx ebx esp ebp esi edi af df
#   c1000005  cli                              | eax edx ebx esp ebp esi edi af df
#   c1000006  mov $1,%ecx                      | eax ecx edx ebx esp ebp esi edi af df
#   c100000b  test %eax,%eax                   | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c100000d  je 0xC1000014                    | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c100000f  cli                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000010  calll *(%ebx)                    | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000012  cli                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000013  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000014  cli                              | ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000015  mov $2,%eax                      | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c100001a  ud2                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
# function c100001c
#   c100001c  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
