# test: liveness
# bits: 32
# functions: alone even odd fentry
# transparent: fentry
# Functions that only lead to themselves or to each other: whoever enters them is out of sight, and may read any result.
alone:  call    fentry
        cli
        je      1f
        call    alone
        xor     %edx, %edx
        xor     %eax, %eax
1:      ret
even:   call    fentry
        cli
        jmp     odd
odd:    call    fentry
        cli
        js      even
        ret
fentry: ret
# ---- expected
# function c1000000 traced
#   c1000000  call 0xC1000023                  | eax edx ebx esp ebp esi edi zf df
#   c1000005  cli                              | eax edx ebx esp ebp esi edi zf df
#   c1000006  je 0xC1000011                    | eax edx ebx esp ebp esi edi zf df
#   c1000008  call 0xC1000000                  | ebx esp ebp esi edi zf df
#   c100000d  xor %edx,%edx                    | edx ebx esp ebp esi edi df
#   c100000f  xor %eax,%eax                    | eax edx ebx esp ebp esi edi df
#   c1000011  ret                              | eax edx ebx esp ebp esi edi df
# function c1000012 traced
#   c1000012  call 0xC1000023                  | eax edx ebx esp ebp esi edi sf df
#   c1000017  cli                              | eax edx ebx esp ebp esi edi sf df
#   c1000018  jmp 0xC100001A                   | eax edx ebx esp ebp esi edi sf df
# function c100001a traced
#   c100001a  call 0xC1000023                  | eax edx ebx esp ebp esi edi sf df
#   c100001f  cli                              | eax edx ebx esp ebp esi edi sf df
#   c1000020  js 0xC1000012                    | eax edx ebx esp ebp esi edi sf df
#   c1000022  ret                              | eax edx ebx esp ebp esi edi df
# function c1000023
#   c1000023  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
