# test: plan
# bits: 32
# Sites that would take each other's room share a window.
f:      call g
        out %al, $0x80
        out %al, $0x80
        out %al, $0x80
1:      dec %ecx
        jne 1b
        ret
# Two that have room enough have a window each.
g:      cli
        mov $1, %eax
        mov $2, %ecx
        sti
        mov $3, %edx
        ret
# The longest instruction between two sites, each of which needs it.
h:      call g
        cli
        inc %ebx
        inc %ebx
        inc %ebx
        .byte 0x2e, 0x2e, 0x2e, 0x2e
        movl $0x12345, 0x12345(%eax,%ecx,4)
        inc %ebx
        inc %ebx
        inc %ebx
        sti
2:      dec %ecx
        jne 2b
        ret
# ---- expected
# c1000005 6 bytes, forward
#   +0 out
#   +2 out
#   +4 out
# c100000f 6 bytes, forward
#   +0 cli
#   +1 copy 5
# c100001a 6 bytes, forward
#   +0 sti
#   +1 copy 5
# c1000026 23 bytes, forward
#   +0 cli
#   +1 copy 1
#   +2 copy 1
#   +3 copy 1
#   +4 copy 15
#   +19 copy 1
#   +20 copy 1
#   +21 copy 1
#   +22 sti
