# test: known
# bits: 32
# functions: f g fentry
# transparent: fentry
# What a branch tells: bounds of loops, equality, unsigned and signed intervals, an operand in a slot. Flags of something else tell nothing.
f:      call    fentry
        mov     $0x186, %ecx
1:      rdmsr
        add     $1, %ecx
        cmp     $0x18a, %ecx
        jne     1b
        rdmsr
        mov     (%eax), %ecx
        cmp     $3, %ecx
        ja      2f
        add     $0x400, %ecx
        rdmsr
2:      mov     (%eax), %ecx
        cmp     $31, %ecx
        ja      3f
        shl     $4, %ecx
        add     $0xc0002001, %ecx
        rdmsr
3:      mov     (%eax), %ecx
        cmp     $0x10, %ecx
        je      4f
        rdmsr
        jmp     5f
4:      rdmsr
5:      mov     (%eax), %ecx
        test    %ecx, %ecx
        js      6f
        cmp     $2, %ecx
        jge     6f
        rdmsr
6:      mov     (%eax), %ecx
        cmp     $1, %edx
        ja      7f
        rdmsr
7:      ret
g:      call    fentry
        push    %ebp
        mov     %esp, %ebp
        sub     $8, %esp
        movl    $0, -8(%ebp)
1:      mov     -8(%ebp), %ecx
        rdmsr
        addl    $2, -8(%ebp)
        cmpl    $6, -8(%ebp)
        jne     1b
        leave
        ret
fentry: ret
# ---- expected
# c100000a  rdmsr          ecx = 186|187|188|189
# c1000017  rdmsr          ecx = 18a
# c1000026  rdmsr          ecx = 400|401|402|403
# c1000038  rdmsr          ecx = c0002*.1
# c1000041  rdmsr          ecx = ? (memory)
# c1000045  rdmsr          ecx = 10
# c1000052  rdmsr          ecx = 0|1
# c100005b  rdmsr          ecx = ? (memory)
# c1000073  rdmsr          ecx = 0|2|4
