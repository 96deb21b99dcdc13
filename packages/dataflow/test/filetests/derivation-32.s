# test: derivation
# bits: 32
# functions: f g caller fentry
# transparent: fentry
# The definitions behind a known port, over a caller and a slot; of one that is not known, the way to the reason.
f:      call    fentry
        push    %ebp
        mov     %esp, %ebp
        push    %eax
        lea     4(%eax), %edx
        out     %al, %dx
        mov     -4(%ebp), %edx
        out     %al, %dx
        mov     8(%eax), %ecx
        lea     1(%ecx), %edx
        out     %al, %dx
        leave
        ret
caller: call    fentry
        mov     $0x3f8, %eax
        test    %ecx, %ecx
        je      1f
        mov     $0x2f8, %eax
1:      call    f
        ret
g:      call    fentry
        ret
fentry: ret
# ---- expected
# c100000c  out %al,%dx
#   r2 defined c1000009  lea 4(%eax),%edx  2fc|3fc
#     r0 defined c100001f  mov $0x3F8,%eax  3f8
#     r0 defined c1000028  mov $0x2F8,%eax  2f8
# c1000010  out %al,%dx
#   r2 defined c100000d  mov -4(%ebp),%edx  2f8|3f8
#     slot -8 defined c1000008  push %eax  2f8|3f8
#       r0 defined c100001f  mov $0x3F8,%eax  3f8
#       r0 defined c1000028  mov $0x2F8,%eax  2f8
# c1000017  out %al,%dx
#   r2 defined c1000014  lea 1(%ecx),%edx  ?
#     r1 unknown c1000011  mov 8(%eax),%ecx  memory
