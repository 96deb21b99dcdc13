# test: known
# bits: 32
# functions: spill escapes lower below grown fentry callee
# transparent: fentry
# A slot keeps what was stored, over calls and stores through pointers, as long as no address at or below it is taken.
spill:  call    fentry
        push    %ebp
        mov     %esp, %ebp
        sub     $0x10, %esp
        movl    $0x20, -8(%ebp)
        mov     %eax, (%ecx)
        call    callee
        mov     -8(%ebp), %edx
        out     %al, %dx
        addl    $1, -8(%ebp)
        movzwl  -8(%ebp), %edx
        out     %al, %dx
        movb    $0, -7(%ebp)
        mov     -8(%ebp), %edx
        out     %al, %dx
        leave
        ret
escapes: call   fentry
        push    %ebp
        mov     %esp, %ebp
        sub     $0x10, %esp
        movl    $0x20, -8(%ebp)
        lea     -8(%ebp), %eax
        call    callee
        mov     -8(%ebp), %edx
        out     %al, %dx
        leave
        ret
# An object below may reach up to the slot; one above does not reach down to it.
lower:  call    fentry
        push    %ebp
        mov     %esp, %ebp
        sub     $0x10, %esp
        movl    $0x20, -8(%ebp)
        movl    $0x21, -16(%ebp)
        lea     -12(%ebp), %eax
        call    callee
        mov     -8(%ebp), %edx
        out     %al, %dx
        mov     -16(%ebp), %edx
        out     %al, %dx
        leave
        ret
# Without a frame pointer; what lies below the stack pointer is the callee's.
below:  call    fentry
        push    $0x61
        push    $0x62
        mov     4(%esp), %edx
        out     %al, %dx
        pop     %edx
        out     %al, %dx
        call    callee
        mov     -4(%esp), %edx
        out     %al, %dx
        pop     %edx
        out     %al, %dx
        ret
# An index may lead anywhere in the frame.
grown:  call    fentry
        push    %ebp
        mov     %esp, %ebp
        sub     $0x20, %esp
        movl    $0x20, -8(%ebp)
        mov     %eax, -32(%ebp,%ecx,4)
        mov     -8(%ebp), %edx
        out     %al, %dx
        leave
        ret
callee: call    fentry
        ret
fentry: ret
# ---- expected
# c100001c  out %al,%dx    dx = 20
# c1000025  out %al,%dx    dx = 21
# c100002d  out %al,%dx    dx = ? (memory)
# c100004d  out %al,%dx    dx = ? (memory)
# c1000074  out %al,%dx    dx = ? (memory)
# c1000078  out %al,%dx    dx = 21
# c1000088  out %al,%dx    dx = 61
# c100008a  out %al,%dx    dx = 62
# c1000094  out %al,%dx    dx = ? (call)
# c1000096  out %al,%dx    dx = 61
# c10000b1  out %al,%dx    dx = ? (memory)
