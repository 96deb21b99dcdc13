# test: liveness
# bits: 32
# functions: f leaf getter saver fentry
# transparent: fentry
# A call to visible code reads and writes what that code reads and writes, whatever convention it keeps.
f:      call    fentry
        cli
        call    leaf
        cli
        call    getter
        cli
        call    saver
        cli
        xor     %eax, %eax
        xor     %edx, %edx
        ret
leaf:   mov     $7, %ecx
        lea     1(%eax), %eax
        ret
# In the manner of __get_user_4: address and error in EAX, value in EDX, ECX kept.
getter: mov     (%eax), %edx
        xor     %eax, %eax
        ret
# Preserves everything that it uses.
saver:  push    %eax
        push    %ecx
        mov     $1, %ecx
        lea     2(%ecx), %eax
        pop     %ecx
        pop     %eax
        ret
fentry: ret
# ---- expected
# function c1000000 traced
#   c1000000  call 0xC1000038                  | eax ebx esp ebp esi edi df
#   c1000005  cli                              | eax ebx esp ebp esi edi df
#   c1000006  call 0xC100001D                  | eax ebx esp ebp esi edi df
#   c100000b  cli                              | eax ecx ebx esp ebp esi edi df
#   c100000c  call 0xC1000026                  | eax ecx ebx esp ebp esi edi df
#   c1000011  cli                              | eax ecx ebx esp ebp esi edi df
#   c1000012  call 0xC100002B                  | eax ecx ebx esp ebp esi edi df
#   c1000017  cli                              | ebx esp ebp esi edi df
#   c1000018  xor %eax,%eax                    | eax ebx esp ebp esi edi df
#   c100001a  xor %edx,%edx                    | eax edx ebx esp ebp esi edi df
#   c100001c  ret                              | eax edx ebx esp ebp esi edi df
# function c100001d
#   c100001d  mov $7,%ecx                      | eax ecx ebx esp ebp esi edi df
#   c1000022  lea 1(%eax),%eax                 | eax ecx ebx esp ebp esi edi df
#   c1000025  ret                              | eax ecx ebx esp ebp esi edi df
# function c1000026
#   c1000026  mov (%eax),%edx                  | ecx ebx esp ebp esi edi df
#   c1000028  xor %eax,%eax                    | eax ecx ebx esp ebp esi edi df
#   c100002a  ret                              | eax ecx ebx esp ebp esi edi df
# function c100002b
#   c100002b  push %eax                        | ecx ebx esp ebp esi edi df
#   c100002c  push %ecx                        | ebx esp ebp esi edi df
#   c100002d  mov $1,%ecx                      | ecx ebx esp ebp esi edi df
#   c1000032  lea 2(%ecx),%eax                 | ebx esp ebp esi edi df
#   c1000035  pop %ecx                         | ebx esp ebp esi edi df
#   c1000036  pop %eax                         | ebx esp ebp esi edi df
#   c1000037  ret                              | ebx esp ebp esi edi df
# function c1000038
#   c1000038  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
