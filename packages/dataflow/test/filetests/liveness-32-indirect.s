# test: liveness
# bits: 32
# functions: f g thunk fentry
# transparent: fentry
# thunks: thunk=0
# Through a pointer: the convention is assumed. A jump through a pointer leaves for an unknown place.
f:      call    fentry
        cli
        call    *(%ebx)
        cli
        call    thunk
        cli
        ret
g:      call    fentry
        cli
        jmp     thunk
thunk:  jmp     *%eax
fentry: ret
# ---- expected
# function c1000000 traced
#   c1000000  call 0xC100001A                  | eax ecx edx ebx esp ebp esi edi df
#   c1000005  cli                              | eax ecx edx ebx esp ebp esi edi df
#   c1000006  calll *(%ebx)                    | eax ecx edx ebx esp ebp esi edi df
#   c1000008  cli                              | eax ecx edx ebx esp ebp esi edi df
#   c1000009  call 0xC1000018                  | eax ecx edx ebx esp ebp esi edi df
#   c100000e  cli                              | eax edx ebx esp ebp esi edi df
#   c100000f  ret                              | eax edx ebx esp ebp esi edi df
# function c1000010 traced
#   c1000010  call 0xC100001A                  | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000015  cli                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000016  jmp 0xC1000018                   | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
# function c1000018
#   c1000018  jmp *%eax                        | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
# function c100001a
#   c100001a  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
