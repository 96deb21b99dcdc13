# test: liveness
# bits: 32
# functions: traced plain fentry
# transparent: fentry
# A traced C function hands back EAX, EDX and the callee-saved registers; anything else may hand back whatever it likes.
traced: call    fentry
        push    %ebx
        pushf
        pop     %ebx
        cli
        mov     %eax, counter
        mov     $1, %ecx
        pop     %ebx
        ret
plain:  cli
        mov     $1, %eax
        ret
fentry: ret
        .data
counter: .long 0
# ---- expected
# function c1000000 traced
#   c1000000  call 0xC100001C                  | eax edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000005  push %ebx                        | eax edx esp ebp esi edi cf pf af zf sf of df
#   c1000006  pushf                            | eax edx esp ebp esi edi df
#   c1000007  pop %ebx                         | eax edx esp ebp esi edi df
#   c1000008  cli                              | eax edx esp ebp esi edi df
#   c1000009  mov %eax,0xC1001000              | eax edx esp ebp esi edi df
#   c100000e  mov $1,%ecx                      | eax edx esp ebp esi edi df
#   c1000013  pop %ebx                         | eax edx ebx esp ebp esi edi df
#   c1000014  ret                              | eax edx ebx esp ebp esi edi df
# function c1000015
#   c1000015  cli                              | ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000016  mov $1,%eax                      | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c100001b  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
# function c100001c
#   c100001c  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
