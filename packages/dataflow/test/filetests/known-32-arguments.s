# test: known
# bits: 32
# functions: same few taken deep caller fentry lonely loop inner stack ping pong
# transparent: fentry
# taken: taken loop
# Arguments are what all visible callers pass; not if the address is taken, nor if nobody visible calls. Jumps between functions pass them on, too.
same:   call    fentry
        mov     %eax, %edx
        out     %al, %dx
        ret
few:    call    fentry
        mov     %eax, %edx
        out     %al, %dx
        ret
taken:  call    fentry
        mov     %eax, %edx
        out     %al, %dx
        ret
deep:   call    fentry
        lea     2(%eax), %edx
        out     %al, %dx
        mov     $0x70, %eax
        jmp     same
lonely: call    fentry
        mov     %eax, %edx
        out     %al, %dx
        ret
caller: call    fentry
        mov     $0x70, %eax
        call    same
        mov     $0x10, %eax
        call    few
        mov     $0x11, %eax
        call    few
        mov     $0x12, %eax
        call    taken
        push    $0x64
        call    stack
        pop     %ecx
        mov     $0x80, %eax
        jmp     deep
# A function that calls itself: what it passes on, and what comes from outside.
loop:   call    fentry
        mov     $0x60, %eax
again:  call    inner
        ret
inner:  call    fentry
        mov     %eax, %edx
        out     %al, %dx
        call    inner
        ret
# Arguments on the stack.
stack:  call    fentry
        push    %ebp
        mov     %esp, %ebp
        mov     8(%ebp), %edx
        out     %al, %dx
        pop     %ebp
        ret
# Functions that only call each other: something unknown leads there.
ping:   call    fentry
        mov     $0x30, %eax
        call    pong
        ret
pong:   call    fentry
        mov     %eax, %edx
        out     %al, %dx
        call    ping
        ret
fentry: ret
# ---- expected
# c1000007  out %al,%dx    dx = 70
# c1000010  out %al,%dx    dx = 10|11
# c1000019  out %al,%dx    dx = ? (caller)
# c1000023  out %al,%dx    dx = 82
# c1000032  out %al,%dx    dx = ? (caller)
# c1000087  out %al,%dx    dx = 60
# c1000099  out %al,%dx    dx = 64
# c10000b3  out %al,%dx    dx = ? (caller)
