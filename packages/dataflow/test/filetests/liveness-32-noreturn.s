# test: liveness
# bits: 32
# functions: f spins fentry
# transparent: fentry
# A callee that never returns: behind the call nothing runs.
f:      call    fentry
        test    %eax, %eax
        cli
        jne     1f
        cli
        mov     %ecx, %eax
        xor     %edx, %edx
        ret
1:      cli
        call    spins
        mov     %ecx, %eax
        ret
spins:  hlt
        jmp     spins
fentry: ret
# ---- expected
# function c1000000 traced
#   c1000000  call 0xC100001C                  | eax ecx ebx esp ebp esi edi df
#   c1000005  test %eax,%eax                   | ecx ebx esp ebp esi edi zf df
#   c1000007  cli                              | ecx ebx esp ebp esi edi zf df
#   c1000008  jne 0xC1000010                   | ecx ebx esp ebp esi edi df
#   c100000a  cli                              | ecx ebx esp ebp esi edi df
#   c100000b  mov %ecx,%eax                    | eax ebx esp ebp esi edi df
#   c100000d  xor %edx,%edx                    | eax edx ebx esp ebp esi edi df
#   c100000f  ret                              | eax edx ebx esp ebp esi edi df
#   c1000010  cli                              | esp
#   c1000011  call 0xC1000019                  | esp
#   c1000016  mov %ecx,%eax                    | eax edx ebx esp ebp esi edi df
#   c1000018  ret                              | eax edx ebx esp ebp esi edi df
# function c1000019
#   c1000019  hlt                              | esp
#   c100001a  jmp 0xC1000019                   | esp
# function c100001c
#   c100001c  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
