# test: plan
# bits: 32
f:      mov $1, %eax
        iret
g:      mov $1, %eax
        int $0x80
        mov $1, %eax
        ljmp $0x10, $f
# A displaced one is in the way as well.
h:      cli
        int3
        mov $1, %eax
        ret
# ---- expected
# c1000005 iret in place: control-transfer
# c100000b int in place: control-transfer
# c1000012 jmp-far in place: control-transfer
# c1000019 cli in place: control-transfer
