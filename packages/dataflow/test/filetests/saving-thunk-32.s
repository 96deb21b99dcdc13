# test: liveness
# bits: 32
# functions: user thunk partly preempt trampoline fentry
# transparent: fentry
# taken: user
# replaceable: trampoline
# A thunk that saves all caller-saved registers passes them through, by itself or behind a trampoline; one that leaves out ECX does not.
user:   call    fentry
        mov     %eax, %ebx
        mov     %ebx, %edx
        cli
        call    thunk
        cli
        call    trampoline
        cli
        mov     %edx, %eax
        call    partly
        ret
thunk:  push    %eax
        push    %ecx
        push    %edx
        call    preempt
        pop     %edx
        pop     %ecx
        pop     %eax
        ret
partly: push    %eax
        push    %edx
        call    preempt
        pop     %edx
        pop     %eax
        ret
preempt: call   fentry
        mov     $1, %eax
        ret
trampoline: jmp thunk
fentry: ret
# ---- expected
# function c1000000 traced
#   c1000000  call 0xC1000041                  | eax esp ebp esi edi df
#   c1000005  mov %eax,%ebx                    | ebx esp ebp esi edi df
#   c1000007  mov %ebx,%edx                    | edx ebx esp ebp esi edi df
#   c1000009  cli                              | edx ebx esp ebp esi edi df
#   c100000a  call 0xC100001E                  | edx ebx esp ebp esi edi df
#   c100000f  cli                              | edx ebx esp ebp esi edi df
#   c1000010  call 0xC100003F                  | edx ebx esp ebp esi edi df
#   c1000015  cli                              | edx ebx esp ebp esi edi df
#   c1000016  mov %edx,%eax                    | eax edx ebx esp ebp esi edi df
#   c1000018  call 0xC100002A                  | eax edx ebx esp ebp esi edi df
#   c100001d  ret                              | eax edx ebx esp ebp esi edi df
# function c100001e
#   c100001e  push %eax                        | ecx edx ebx esp ebp esi edi df
#   c100001f  push %ecx                        | edx ebx esp ebp esi edi df
#   c1000020  push %edx                        | ebx esp ebp esi edi df
#   c1000021  call 0xC1000034                  | ebx esp ebp esi edi df
#   c1000026  pop %edx                         | edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000027  pop %ecx                         | ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000028  pop %eax                         | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000029  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
# function c100002a
#   c100002a  push %eax                        | edx ebx esp ebp esi edi df
#   c100002b  push %edx                        | ebx esp ebp esi edi df
#   c100002c  call 0xC1000034                  | ebx esp ebp esi edi df
#   c1000031  pop %edx                         | edx ebx esp ebp esi edi df
#   c1000032  pop %eax                         | eax edx ebx esp ebp esi edi df
#   c1000033  ret                              | eax edx ebx esp ebp esi edi df
# function c1000034 traced
#   c1000034  call 0xC1000041                  | ebx esp ebp esi edi df
#   c1000039  mov $1,%eax                      | ebx esp ebp esi edi df
#   c100003e  ret                              | ebx esp ebp esi edi df
# function c100003f
#   c100003f  jmp 0xC100001E                   | eax ecx edx ebx esp ebp esi edi df
# function c1000041
#   c1000041  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
