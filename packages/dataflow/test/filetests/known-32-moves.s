# test: known
# bits: 32
# functions: f fentry
# transparent: fentry
# Constants through moves, arithmetic, zeroing, and parts of registers.
f:      call    fentry
        mov     $0x3f8, %edx
        out     %al, %dx
        inc     %edx
        out     %al, %dx
        lea     4(%edx), %edx
        out     %al, %dx
        mov     $0x70, %dx
        out     %al, %dx
        xor     %edx, %edx
        mov     $0x80, %dl
        out     %al, %dx
        mov     %ecx, %edx
        or      $0xfff0, %edx
        and     $0xfff3, %edx
        out     %al, %dx
        mov     %ebx, %edx
        out     %al, %dx
        ret
fentry: ret
# ---- expected
# c100000a  out %al,%dx    dx = 3f8
# c100000c  out %al,%dx    dx = 3f9
# c1000010  out %al,%dx    dx = 3fd
# c1000015  out %al,%dx    dx = 70
# c100001a  out %al,%dx    dx = 80
# c1000029  out %al,%dx    dx = fff0|fff1|fff2|fff3
# c100002c  out %al,%dx    dx = ? (caller)
