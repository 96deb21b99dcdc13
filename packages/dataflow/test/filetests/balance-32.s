# test: liveness
# bits: 32
# functions: user plain framed loses stores swaps pushes helper calls opaque fentry
# transparent: fentry
# taken: user helper
# Code that is not compiled C returns behind its calls only where the stack is as it was: there, nobody reads a register but EAX.
user:   call    fentry
        call    plain
        call    framed
        call    loses
        call    stores
        call    swaps
        call    pushes
        call    calls
        call    opaque
        mov     %eax, %ebx
        xor     %ecx, %ecx
        xor     %edx, %edx
        xor     %eax, %eax
        ret
plain:  push    %esi
        cli
        pop     %esi
        ret
# Through the frame pointer, over a call that keeps it.
framed: push    %ebp
        mov     %esp, %ebp
        sub     $8, %esp
        call    helper
        mov     %eax, -4(%ebp)
        cli
        leave
        ret
# The frame pointer comes back as something else.
loses:  push    %ebp
        mov     %esp, %ebp
        movl    $0, (%ebp)
        cli
        leave
        ret
# The return address is stored over.
stores: push    %eax
        mov     %edx, 4(%esp)
        cli
        add     $4, %esp
        ret
swaps:  pop     %edx
        push    %ecx
        cli
        ret
# Goes on at what was pushed.
pushes: push    $helper
        cli
        ret
helper: nop
        cli
        ret
calls:  sub     $4, %esp
        call    plain
        cli
        lea     4(%esp), %esp
        ret
# What it calls does not come back the way it should.
opaque: call    swaps
        cli
        ret
fentry: ret
# ---- expected
# function c1000000 traced
#   c1000000  call 0xC1000085                  | eax ecx edx esp ebp esi edi df
#   c1000005  call 0xC1000036                  | eax ecx edx esp ebp esi edi df
#   c100000a  call 0xC100003A                  | eax ecx edx esp ebp esi edi df
#   c100000f  call 0xC100004B                  | eax ecx edx esp ebp esi edi df
#   c1000014  call 0xC1000058                  | eax ecx edx esp ebp esi edi df
#   c1000019  call 0xC1000062                  | eax ecx esp ebp esi edi df
#   c100001e  call 0xC1000066                  | eax ecx esp ebp esi edi df
#   c1000023  call 0xC1000070                  | eax ecx esp ebp esi edi df
#   c1000028  call 0xC100007E                  | eax ecx esp ebp esi edi df
#   c100002d  mov %eax,%ebx                    | ebx esp ebp esi edi df
#   c100002f  xor %ecx,%ecx                    | ebx esp ebp esi edi df
#   c1000031  xor %edx,%edx                    | edx ebx esp ebp esi edi df
#   c1000033  xor %eax,%eax                    | eax edx ebx esp ebp esi edi df
#   c1000035  ret                              | eax edx ebx esp ebp esi edi df
# function c1000036
#   c1000036  push %esi                        | eax ecx edx esp ebp edi df
#   c1000037  cli                              | eax ecx edx esp ebp edi df
#   c1000038  pop %esi                         | eax ecx edx esp ebp esi edi df
#   c1000039  ret                              | eax ecx edx esp ebp esi edi df
# function c100003a
#   c100003a  push %ebp                        | eax ecx edx esp esi edi df
#   c100003b  mov %esp,%ebp                    | eax ecx edx esp ebp esi edi df
#   c100003d  sub $8,%esp                      | eax ecx edx esp ebp esi edi df
#   c1000040  call 0xC100006D                  | eax ecx edx esp ebp esi edi df
#   c1000045  mov %eax,-4(%ebp)                | eax ecx edx esp ebp esi edi df
#   c1000048  cli                              | eax ecx edx esp ebp esi edi df
#   c1000049  leave                            | eax ecx edx esp ebp esi edi df
#   c100004a  ret                              | eax ecx edx esp ebp esi edi df
# function c100004b
#   c100004b  push %ebp                        | eax ecx edx ebx esp esi edi cf pf af zf sf of df
#   c100004c  mov %esp,%ebp                    | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c100004e  movl $0,(%ebp)                   | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000055  cli                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000056  leave                            | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000057  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
# function c1000058
#   c1000058  push %eax                        | eax ecx edx ebx esp ebp esi edi df
#   c1000059  mov %edx,4(%esp)                 | eax ecx edx ebx esp ebp esi edi df
#   c100005d  cli                              | eax ecx edx ebx esp ebp esi edi df
#   c100005e  add $4,%esp                      | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000061  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
# function c1000062
#   c1000062  pop %edx                         | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000063  push %ecx                        | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000064  cli                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000065  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
# function c1000066
#   c1000066  push $0xC100006D                 | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c100006b  cli                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c100006c  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
# function c100006d
#   c100006d  nop                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c100006e  cli                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c100006f  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
# function c1000070
#   c1000070  sub $4,%esp                      | eax ecx esp ebp esi edi df
#   c1000073  call 0xC1000036                  | eax ecx esp ebp esi edi df
#   c1000078  cli                              | eax ecx esp ebp esi edi df
#   c1000079  lea 4(%esp),%esp                 | eax ecx esp ebp esi edi df
#   c100007d  ret                              | eax ecx esp ebp esi edi df
# function c100007e
#   c100007e  call 0xC1000062                  | eax ecx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000083  cli                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
#   c1000084  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
# function c1000085
#   c1000085  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
