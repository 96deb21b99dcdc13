# test: summaries
# bits: 32
# functions: a b c d fentry
# transparent: fentry
# What a call may read and surely writes, through calls, loops and branches.
a:      call    b
        mov     %eax, %esi
        ret
b:      test    %edx, %edx
        je      1f
        mov     $1, %eax
        mov     $2, %ecx
        ret
1:      mov     $3, %eax
        ret
c:      dec     %ecx
        jne     c
        call    d
        ret
d:      jmp     a
fentry: ret
# ---- expected
# function c1000000 reads edx esp | writes eax esi cf pf af zf sf of
# function c1000008 reads edx esp | writes eax cf pf af zf sf of
# function c100001d reads ecx edx esp | writes eax esi cf pf af zf sf of
# function c1000026 reads edx esp | writes eax esi cf pf af zf sf of
# function c1000028 reads esp | writes -
