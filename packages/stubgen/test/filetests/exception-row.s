# test: plan
# bits: 32
# exceptions: fault>fix m>m2
f:
fault:  rdmsr
        mov %eax, %ebx
        mov %edx, %ecx
        ret
# An instruction with a row cannot be displaced, and a fix-up cannot lie inside.
g:      cli
m:      mov (%eax), %ebx
m2:     mov $1, %ecx
        ret
h:      nop
        cli
fix:    mov $1, %eax
        ret
# ---- expected
# c1000000 rdmsr in place: exception-row
# c1000007 cli in place: exception-row
# c1000011 cli in place: exception-row
