/* Interrupt tables, gates, returns, stacks that are no good, floods. */
#include "hostile.h"

.macro IDTR base, limit
        movw    $\limit, table_pointer
        movl    $\base, table_pointer + 2
        lidt    table_pointer
.endm
.macro GATE vector, low, high
        movl    $\low, idt + (\vector) * 8
        movl    $\high, idt + (\vector) * 8 + 4
.endm

ENDING idt-absent, "triple fault"
        IDTR    0, 0
        int3
        ret

ENDING idt-in-monitor, "triple fault"
        IDTR    MONITOR, 0x7FF
        int     $0x40
        ret

ENDING idt-unmapped, "triple fault"
        IDTR    NOWHERE, 0x7FF
        ud2
        ret

CASE idt-wraps
        /* FFFFFFF0h + 400h and + 68h: in low memory. */
        mov     idt + 0x80 * 8, %eax
        mov     %eax, 0x3F0
        mov     idt + 0x80 * 8 + 4, %eax
        mov     %eax, 0x3F4
        mov     idt + 14 * 8, %eax
        mov     %eax, 0x60
        mov     idt + 14 * 8 + 4, %eax
        mov     %eax, 0x64
        IDTR    0xFFFFFFF0, 0x7FF
        TRY
        int     $0x80
        TRIED
        CAUGHT  0x80
        FAULTS  14, 0, int $0           /* its gate is the monitor's memory */
        lidt    idt_pointer
        ret

CASE gates-hostile
        GATE    0x40, 0, 0x8E00         /* null code segment */
        FAULTS  13, 0, int $0x40
        GATE    0x40, 0x00680000, 0x8E00        /* data */
        FAULTS  13, KERNEL_DS, int $0x40
        GATE    0x40, 0x00730000, 0x8E00        /* outwards */
        FAULTS  13, 0x70, int $0x40
        GATE    0x40, 0xFF800000, 0xFC008E00    /* the monitor's */
        FAULTS  13, MONITOR_CS, int $0x40
        GATE    0x40, 0x00600000, 0x0E00        /* absent */
        FAULTS  11, 0x202, int $0x40
        GATE    0x40, 0x00600000, 0x8C00        /* a call gate */
        FAULTS  13, 0x202, int $0x40
        GATE    0x40, 0, 0
        FAULTS  13, 0x202, int $0x40
        GATE    0x40, 0x00600000, 0xFC008E00    /* into the monitor: the handler itself faults */
        FAULTS  14, 0, int $0x40
        movw    $0x1FF, table_pointer   /* behind the limit */
        movl    $idt, table_pointer + 2
        lidt    table_pointer
        FAULTS  13, 0x202, int $0x40
        lidt    idt_pointer
        AS_USER 1f
        CAUGHT  13, 0x20A
        AS_USER 2f
        CAUGHT  13, 0x102
        ret
1:      int     $0x41
2:      int     $0x20

CASE every-interrupt
        xor     %ebx, %ebx
1:      mov     $interrupt_table, %eax
        lea     (%eax, %ebx, 4), %eax
        TRY
        jmp     *%eax
        TRIED
        cmp     %ebx, caught
        CHECK   e
        inc     %ebx
        cmp     $256, %ebx
        jb      1b
        ret
        .balign 4
interrupt_table:
number = 0
        .rept   256
        .byte   0xCD, number, 0x90, 0x90
number = number + 1
        .endr

CASE prefixed-interrupt
        TRY
        .byte   0x66, 0x2E, 0xCD, 0x41
        TRIED
        CAUGHT  0x41
        movl    $count_interrupt, %eax
        mov     %ax, idt + 0x42 * 8
        shr     $16, %eax
        mov     %ax, idt + 0x42 * 8 + 6
        movl    $0, interrupts
        .byte   0x66, 0x2E, 0x3E, 0xCD, 0x42
        cmpl    $1, interrupts
        CHECK   e
        ret

CASE breakpoint-overflow-bound
        TRY
        int3
        TRIED
        CAUGHT  3
        mov     $0x7F, %al
        add     $1, %al
        TRY
        into
        TRIED
        CAUGHT  4
        mov     $9, %eax
        TRY
        bound   %eax, bounds
        TRIED
        cmpl    $-1, caught             /* v86 does not know it */
        je      1f
        CAUGHT  5
1:
        FAULTS  0, 0, divl zero
        FAULTS  6, 0, ud2
        ret

CASE interrupt-flood
        mov     $count_interrupt, %eax
        mov     %ax, idt + 0x42 * 8
        shr     $16, %eax
        mov     %ax, idt + 0x42 * 8 + 6
        movl    $0, interrupts
        mov     $20000, %ecx
1:      int     $0x42
        loop    1b
        cmpl    $20000, interrupts
        CHECK   e
        ret

CASE timer-flood
        /* The 8259 with vector 20h, the 8254 as fast as it goes. */
        mov     $count_interrupt, %eax
        mov     %ax, idt + 0x20 * 8
        shr     $16, %eax
        mov     %ax, idt + 0x20 * 8 + 6
        mov     $0x11, %al
        out     %al, $0x20
        mov     $0x20, %al
        out     %al, $0x21
        mov     $4, %al
        out     %al, $0x21
        mov     $1, %al
        out     %al, $0x21
        mov     $0xFE, %al
        out     %al, $0x21
        mov     $0x34, %al
        out     %al, $0x43
        mov     $2, %al
        out     %al, $0x40
        mov     $0, %al
        out     %al, $0x40
        movl    $0, interrupts
        sti
1:      cmpl    $2000, interrupts
        jb      1b
        cli
        ret

ENDING halted, "halted with interrupts off"
        cli
        hlt
        ret

ENDING triple-fault, "triple fault"
        IDTR    0, 0
        ud2

.macro STACK_AT address
        mov     $\address, %esp
        push    %eax
        int3
.endm

ENDING stack-at-zero, "triple fault"
        STACK_AT 0

ENDING stack-near-zero, "triple fault"
        mov     $2, %esp
        int     $0x40

ENDING stack-in-monitor, "triple fault"
        STACK_AT 0xFD000000

ENDING stack-unmapped, "triple fault"
        STACK_AT NOWHERE

ENDING stack-overflow, "triple fault"
        movl    $PA(pages) + P + RW, scratch_table + 4
        FLUSH
        mov     $SCRATCH + 0x2000, %esp
1:      call    1b

ENDING stack-overflow-by-faults, "triple fault"
        /* Every handler faults at once: frames until the stack is used up. */
        movl    $PA(pages) + P + RW, scratch_table + 4
        mov     $1f, %eax
        mov     %ax, idt + 6 * 8
        shr     $16, %eax
        mov     %ax, idt + 6 * 8 + 6
        FLUSH
        mov     $SCRATCH + 0x2000, %esp
1:      ud2

CASE double-fault-task
        /* A stack that is no good, and a task for it: what 32-bit kernels do. */
        movl    $task_entered, fault_task + 32
        movl    $2, fault_task + 36
        movl    $fault_stack_top, fault_task + 56
        movl    $KERNEL_DS, fault_task + 72
        movl    $KERNEL_CS, fault_task + 76
        movl    $KERNEL_DS, fault_task + 80
        movl    $KERNEL_DS, fault_task + 84
        movl    $0, fault_task + 88
        movl    $0, fault_task + 92
        mov     %cr3, %eax
        mov     %eax, fault_task + 28
        movw    $104, fault_task + 102
        GATE    8, FAULT_TSS << 16, 0x8500
        TRY
        mov     $NOWHERE, %esp
        push    %eax
        TRIED
        CAUGHT  8
        ret
task_entered:
        movl    $8, caught
        pushf
        andl    $~0x4000, (%esp)        /* NT */
        popf
        mov     resume_stack, %esp
        jmp     *resume

ENDING double-fault-task-hostile, "triple fault"
        GATE    8, 0xFF900000, 0x8500   /* the monitor's task */
        mov     $NOWHERE, %esp
        push    %eax

ENDING double-fault-task-in-ldt, "triple fault"
        GATE    8, 0x00040000, 0x8500
        mov     $NOWHERE, %esp
        push    %eax

.macro RETURN flags, cs, eip
        pushl   $\flags
        pushl   $\cs
        pushl   $\eip
        iret
.endm

CASE returns-hostile
        TRY
        RETURN  2, 0, 0
        TRIED
        CAUGHT  13, 0
        TRY
        RETURN  2, KERNEL_DS, 0
        TRIED
        CAUGHT  13, KERNEL_DS
        TRY
        RETURN  2, 0xFF80, MONITOR
        TRIED
        CAUGHT  13, 0xFF80
        TRY
        RETURN  2, 0xFF83, MONITOR
        TRIED
        CAUGHT  13, 0xFF80
        TRY
        RETURN  2, 0xFFFF, 0
        TRIED
        CAUGHT  13, 0xFFFC
        TRY
        RETURN  2, TSS, 0
        TRIED
        CAUGHT  13, TSS
        TRY
        RETURN  2, KERNEL_CS + 1, 0
        TRIED
        cmpl    $13, caught
        je      1f
        cmpl    $14, caught             /* at address 0: taken as a return to the kernel */
        je      1f
        cmpl    $6, caught
        CHECK   e
1:      TRY
        RETURN  2, KERNEL_CS, MONITOR
        TRIED
        CAUGHT  14, 0, MONITOR
        ROW     SPARE, 0xffff, 0x00cf1b00       /* absent */
        lgdt    gdt_pointer
        TRY
        RETURN  2, SPARE, 0
        TRIED
        CAUGHT  11, SPARE
        TRY
        RETURN  0x20002, KERNEL_CS, 0           /* virtual 8086 mode: not offered */
        TRIED
        CAUGHT  13, 0
        TRY
        pushl   $0                              /* to a user program without a stack segment */
        pushl   $0
        RETURN  2, USER_CS, 0
        TRIED
        CAUGHT  13, 0
        TRY
        pushl   $KERNEL_DS
        pushl   $0
        RETURN  2, USER_CS, 0
        TRIED
        CAUGHT  13, KERNEL_DS
        TRY
        pushl   $0xFF8B
        pushl   $0
        RETURN  2, USER_CS, 0
        TRIED
        CAUGHT  13, 0xFF88
        ret

ENDING return-frame-unmapped, "triple fault"
        mov     $NOWHERE, %esp
        iret

ENDING return-frame-in-monitor, "triple fault"
        mov     $MONITOR, %esp
        iret

CASE far-transfers-hostile
        FAULTS  13, 0, ljmp $0, $0
        FAULTS  13, 0, lcall $3, $0
        FAULTS  13, KERNEL_DS, ljmp $KERNEL_DS, $0
        FAULTS  14, 0, ljmp $KERNEL_CS, $MONITOR
        FAULTS  14, 0, ljmp *MONITOR
        TRY
        pushl   $0
        pushl   $0
        lret
        TRIED
        CAUGHT  13, 0
        TRY
        pushl   $KERNEL_DS
        pushl   $0
        lret
        TRIED
        CAUGHT  13, KERNEL_DS
        TRY
        pushl   $0xFF80
        pushl   $MONITOR
        lret
        TRIED
        CAUGHT  13, 0xFF80
        ret

CASE nested-task-flag
        /* IRET with NT leads to a task that is not there. */
        pushf
        orl     $0x4000, (%esp)
        popf
        TRY
        RETURN  2, KERNEL_CS, 1f
1:
        TRIED
        cmpl    $-1, caught
        CHECK   ne
        pushf
        andl    $~0x4000, (%esp)
        popf
        ret

CASE nested-task-flag-of-user
        /* Where the processor itself looks for the task. */
        AS_USER 1f
        cmpl    $0x80, caught
        CHECK   ne
        cmpl    $-1, caught
        CHECK   ne
        ret
        UNSEEN
1:      pushl   $0x4002
        popf
        pushl   $2
        pushl   $USER_CS
        pushl   $USER(2f)
        iret
2:      int     $0x80
        END_UNSEEN

CASE stack-shadow
        /* MOV SS and what follows it. */
        mov     $KERNEL_DS, %ebx
        TRY
        mov     %ebx, %ss
        int3
        TRIED
        CAUGHT  3
        TRY
        mov     %ebx, %ss
        int     $0x40
        TRIED
        CAUGHT  0x40
        pushf
        orl     $0x100, (%esp)
        TRY
        popf
        mov     %ebx, %ss
        int     $0x41
        TRIED
        add     $4, %esp
        cmpl    $1, caught
        je      1f
        CAUGHT  0x41
1:      xor     %eax, %eax
        FAULTS  13, 0, mov %eax, %ss
        mov     $KERNEL_CS, %eax
        FAULTS  13, KERNEL_CS, mov %eax, %ss
        FAULTS  14, 0, lss MONITOR, %esp
        ret

        .data
        .balign 4
table_pointer: .long 0, 0
bounds: .long 1, 5
zero:   .long 0
        .section .note.GNU-stack, "", @progbits
