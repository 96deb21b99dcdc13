# test: known
# bits: 32
# image: whole
# A variable that code only loads and stores by name holds what is stored there, or what was there at first.
setup:  call    __fentry__
        movl    $0x4b564d01, own
        movl    $0x10, shared
        movl    $0x20, halved
        movb    $1, halved
        mov     %eax, any
        movzbl  %al, %eax
        cmp     $0x20, %al
        ja      1f
        mov     %eax, count
1:      ret
use:    call    __fentry__
        mov     own, %ecx
        rdmsr
        mov     shared, %ecx            # a table holds its address
        rdmsr
        mov     halved, %ecx            # written in part
        rdmsr
        mov     any, %ecx
        rdmsr
        mov     never, %ecx             # nobody stores it by name, so somebody may do so through a pointer
        rdmsr
        ret
# Bounded by a variable: i < count, and something that grows beside i.
loops:  call    __fentry__
        push    %ebx
        push    %esi
        xor     %ebx, %ebx
        mov     $0xc0002008, %esi
1:      lea     0x680(%ebx), %ecx
        rdmsr
        mov     %esi, %ecx
        rdmsr
        inc     %ebx
        add     $0x10, %esi
        cmp     count, %ebx
        jb      1b
        pop     %esi
        pop     %ebx
        ret
# A block that is cleared as a whole, then stored to; one address in it goes to a function that writes another word, one is only read through.
block:  call    __fentry__
        push    %edi
        mov     $object, %edi
        mov     $4, %ecx
        xor     %eax, %eax
        rep stosl
        movl    $0x1c9, object + 12
        movl    $0x40, object + 4
        mov     $object, %eax
        call    set
        pop     %edi
        mov     $object + 8, %edx
        mov     (%edx), %eax
        mov     object + 12, %ecx
        rdmsr
        mov     object + 4, %ecx        # set writes it
        rdmsr
        ret
set:    call    __fentry__
        mov     %edx, 4(%eax)
        xor     %eax, %eax
        ret
# The same, but an address goes where nobody looks.
lost:   call    __fentry__
        push    %edi
        mov     $other, %edi
        mov     $4, %ecx
        xor     %eax, %eax
        rep stosl
        movl    $0x1c9, other + 12
        pop     %edi
        mov     $other + 8, %eax
        call    *%edx
        mov     other + 12, %ecx
        rdmsr
        ret
# An index that is bounded reaches as far as it does, another one everything behind.
index:  call    __fentry__
        movl    $0x10, array + 16
        movl    $0x20, array + 4
        and     $3, %eax
        mov     %edx, array(, %eax, 4)
        mov     array + 16, %ecx
        rdmsr
        mov     array + 4, %ecx
        rdmsr
        ret
__fentry__: ret
        .data
        .globl  table
table:  .long   shared
        .fill   256
own:    .long   0x12
        .fill   256
shared: .long   0x11
        .fill   256
halved: .long   0
        .fill   256
any:    .long   0
        .fill   256
never:  .long   0x1b
        .fill   256
count:  .long   4
        .fill   256
object: .fill   16
        .fill   256
other:  .fill   16
        .fill   256
array:  .fill   32
# ---- expected
# c1000047  rdmsr          ecx = 12|4b564d01
# c100004f  rdmsr          ecx = ? (memory)
# c1000057  rdmsr          ecx = ? (memory)
# c100005f  rdmsr          ecx = ? (caller)
# c1000067  rdmsr          ecx = ? (memory)
# c100007e  rdmsr          ecx = 000006*.
# c1000082  rdmsr          ecx = c0002*.8
# c10000d3  rdmsr          ecx = 0|1c9
# c10000db  rdmsr          ecx = ? (memory)
# c1000115  rdmsr          ecx = ? (memory)
# c1000141  rdmsr          ecx = 0|10
# c1000149  rdmsr          ecx = ? (memory)
