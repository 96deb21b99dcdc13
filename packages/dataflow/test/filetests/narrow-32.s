# test: liveness
# bits: 32
# functions: narrow wide forwards tail helper fentry
# transparent: fentry
# taken: narrow wide forwards tail
# A function that somewhere returns a new EAX over the EDX that a call left returns 32 bits; one that defines EDX, or hands a call's pair on, may return 64.
narrow: call    fentry
        cli
        test    %eax, %eax
        je      1f
        call    helper
        xor     %eax, %eax
        ret
1:      mov     $5, %eax
        cli
        ret
wide:   call    fentry
        call    helper
        mov     $1, %eax
        xor     %edx, %edx
        cli
        ret
forwards:
        call    fentry
        call    helper
        or      $1, %eax
        cli
        ret
tail:   call    fentry
        cli
        jmp     narrow
helper: call    fentry
        mov     (%eax), %edx
        mov     4(%eax), %eax
        ret
fentry: ret
# ---- expected
# function c1000000 traced
#   c1000000  call 0xC100004E                  | eax ebx esp ebp esi edi df
#   c1000005  cli                              | eax ebx esp ebp esi edi df
#   c1000006  test %eax,%eax                   | eax ebx esp ebp esi edi zf df
#   c1000008  je 0xC1000012                    | eax ebx esp ebp esi edi df
#   c100000a  call 0xC1000043                  | eax ebx esp ebp esi edi df
#   c100000f  xor %eax,%eax                    | eax ebx esp ebp esi edi df
#   c1000011  ret                              | eax ebx esp ebp esi edi df
#   c1000012  mov $5,%eax                      | eax ebx esp ebp esi edi df
#   c1000017  cli                              | eax ebx esp ebp esi edi df
#   c1000018  ret                              | eax ebx esp ebp esi edi df
# function c1000019 traced
#   c1000019  call 0xC100004E                  | eax ebx esp ebp esi edi df
#   c100001e  call 0xC1000043                  | eax ebx esp ebp esi edi df
#   c1000023  mov $1,%eax                      | eax ebx esp ebp esi edi df
#   c1000028  xor %edx,%edx                    | eax edx ebx esp ebp esi edi df
#   c100002a  cli                              | eax edx ebx esp ebp esi edi df
#   c100002b  ret                              | eax edx ebx esp ebp esi edi df
# function c100002c traced
#   c100002c  call 0xC100004E                  | eax ebx esp ebp esi edi df
#   c1000031  call 0xC1000043                  | eax ebx esp ebp esi edi df
#   c1000036  or $1,%eax                       | eax edx ebx esp ebp esi edi df
#   c1000039  cli                              | eax edx ebx esp ebp esi edi df
#   c100003a  ret                              | eax edx ebx esp ebp esi edi df
# function c100003b traced
#   c100003b  call 0xC100004E                  | eax ebx esp ebp esi edi df
#   c1000040  cli                              | eax ebx esp ebp esi edi df
#   c1000041  jmp 0xC1000000                   | eax ebx esp ebp esi edi df
# function c1000043 traced
#   c1000043  call 0xC100004E                  | eax ebx esp ebp esi edi df
#   c1000048  mov (%eax),%edx                  | eax edx ebx esp ebp esi edi df
#   c100004a  mov 4(%eax),%eax                 | eax edx ebx esp ebp esi edi df
#   c100004d  ret                              | eax edx ebx esp ebp esi edi df
# function c100004e
#   c100004e  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
