# test: liveness
# bits: 32
# functions: user closed part taken tail fentry
# transparent: fentry
# taken: user taken
# Returns go on behind the calls of their function, if all callers are visible: nobody reads EDX of `closed`, anybody may of `taken`.
user:   call    fentry
        call    closed
        mov     %eax, %ebx
        call    taken
        xor     %edx, %edx
        ret
closed: call    fentry
        cli
        jne     part
        mov     $1, %eax
        ret
# Split off by the compiler: a piece of the function that jumps there.
part:   cli
        xor     %eax, %eax
        ret
taken:  call    fentry
        cli
        jmp     tail
tail:   call    fentry
        cli
        ret
fentry: ret
# ---- expected
# function c1000000 traced
#   c1000000  call 0xC1000035                  | esp ebp esi edi zf df
#   c1000005  call 0xC1000014                  | esp ebp esi edi zf df
#   c100000a  mov %eax,%ebx                    | eax ebx esp ebp esi edi df
#   c100000c  call 0xC1000026                  | eax ebx esp ebp esi edi df
#   c1000011  xor %edx,%edx                    | eax edx ebx esp ebp esi edi df
#   c1000013  ret                              | eax edx ebx esp ebp esi edi df
# function c1000014 traced
#   c1000014  call 0xC1000035                  | esp ebp esi edi zf df
#   c1000019  cli                              | esp ebp esi edi zf df
#   c100001a  jne 0xC1000022                   | esp ebp esi edi df
#   c100001c  mov $1,%eax                      | eax esp ebp esi edi df
#   c1000021  ret                              | eax esp ebp esi edi df
# function c1000022
#   c1000022  cli                              | esp ebp esi edi df
#   c1000023  xor %eax,%eax                    | eax esp ebp esi edi df
#   c1000025  ret                              | eax esp ebp esi edi df
# function c1000026 traced
#   c1000026  call 0xC1000035                  | eax edx ebx esp ebp esi edi df
#   c100002b  cli                              | eax edx ebx esp ebp esi edi df
#   c100002c  jmp 0xC100002E                   | eax edx ebx esp ebp esi edi df
# function c100002e traced
#   c100002e  call 0xC1000035                  | eax edx ebx esp ebp esi edi df
#   c1000033  cli                              | eax edx ebx esp ebp esi edi df
#   c1000034  ret                              | eax edx ebx esp ebp esi edi df
# function c1000035
#   c1000035  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
