/* Descriptor tables: what is in them, and where they are. */
#include "hostile.h"

#define FLAT_CODE_0 0xffff, 0x00cf9b00

.macro GDTR base, limit
        movw    $\limit, table_pointer
        movl    $\base, table_pointer + 2
        lgdt    table_pointer
.endm
.macro LOAD selector, vector, error
        mov     $\selector, %eax
        FAULTS  \vector, \error, mov %eax, %ds
        mov     $\selector, %eax
        FAULTS  \vector, \error, mov %eax, %fs
        pushl   $\selector
        FAULTS  \vector, \error, pop %es
        add     $4, %esp
.endm

/* Without a table no handler can be entered. */
ENDING gdt-empty, "triple fault"
        GDTR    gdt, 0
        mov     $0x18, %eax
        mov     %eax, %ds

ENDING gdt-unmapped, "triple fault"
        GDTR    NOWHERE, 0xFFFF
        mov     $0x18, %eax
        mov     %eax, %ds

ENDING gdt-at-the-end, "triple fault"
        GDTR    0xFFFFFFF8, 0xFFFF
        ud2

CASE gdt-in-monitor
        GDTR    MONITOR, 0xFFFF
        lgdt    gdt_pointer
        GDTR    0xFFFFFFF8, 0xFFFF      /* wraps around */
        lgdt    gdt_pointer
        ret

ENDING gdt-in-page-tables, "triple fault"
        GDTR    swapper_pg_dir, 0xFFF
        mov     $0x208, %eax
        mov     %eax, %ds
        ud2

CASE monitor-selectors
        LOAD    0xFF80, 13, 0xFF80
        LOAD    0xFF8B, 13, 0xFF88
        LOAD    0xFF93, 13, 0xFF90
        LOAD    0xFF9B, 13, 0xFF98
        LOAD    0xFFFB, 13, 0xFFF8
        FAULTS  13, 0xFF80, ljmp $0xFF80, $MONITOR
        FAULTS  13, 0xFF80, ljmp $0xFF83, $MONITOR
        FAULTS  13, 0xFF88, ljmp $0xFF8B, $MONITOR
        FAULTS  13, 0xFF90, ljmp $0xFF90, $0
        FAULTS  13, 0xFF90, lcall $0xFF93, $0
        FAULTS  13, 0xFF98, ljmp $0xFF98, $0
        FAULTS  13, 0xFFF8, lcall $0xFFF8, $0
        mov     $0xFF90, %eax
        FAULTS  13, 0xFF90, ltr %ax
        mov     $0xFF98, %eax
        FAULTS  13, 0xFF98, lldt %ax
        mov     $0xFF88, %eax
        FAULTS  13, 0xFF88, mov %eax, %ss
        ret

CASE monitor-selectors-from-user
        AS_USER 1f
        CAUGHT  13, 0xFF80
        AS_USER 2f
        CAUGHT  13, 0xFF88
        AS_USER 3f
        CAUGHT  13, 0xFF80
        AS_USER 4f
        CAUGHT  13, 0xFF80
        AS_USER 5f
        CAUGHT  13, 0xFF90
        AS_USER 6f
        CAUGHT  13, 0xFF88
        ret
        UNSEEN
1:      ljmp    $0xFF80, $MONITOR
2:      mov     $0xFF8B, %eax
        mov     %eax, %ds
3:      pushl   $0xFF83
        pushl   $MONITOR
        lret
4:      pushf
        pushl   $0xFF83
        pushl   $MONITOR
        iret
5:      lcall   $0xFF93, $0
6:      mov     $0xFF8B, %eax
        mov     %eax, %ss
        END_UNSEEN

CASE every-selector
        /* All rows of both tables into DS: the kernel's own load, the others fault. */
        mov     $4, %ebx
        xor     %edi, %edi
1:      TRY
        mov     %ebx, %ds
        TRIED
        mov     $KERNEL_DS, %eax
        mov     %eax, %ds
        cmpl    $-1, caught
        jne     2f
        inc     %edi
        jmp     3f
2:      mov     %ebx, %eax
        and     $0xFFFC, %eax
        cmp     %eax, caught_error
        CHECK   e
3:      add     $4, %ebx
        cmp     $0x10000, %ebx
        jb      1b
        cmp     $6, %edi                /* 10h, 18h, 60h, 68h, 70h and 78h */
        CHECK   e
        ret

CASE kernel-rows-from-user
        AS_USER 1f
        CAUGHT  13, KERNEL_DS
        AS_USER 2f
        CAUGHT  13, KERNEL_CS
        AS_USER 3f
        CAUGHT  13, KERNEL_CS
        AS_USER 4f
        CAUGHT  13, KERNEL_DS
        ret
1:      mov     $KERNEL_DS, %eax
        mov     %eax, %ds
2:      ljmp    $KERNEL_CS, $0
3:      lcall   $KERNEL_CS + 3, $0
4:      mov     $KERNEL_DS + 3, %eax
        mov     %eax, %ss

CASE call-gate
        /* Gates are not offered: a fault with the gate's selector, never its target. */
        ROW     SPARE, 0xFF800000, 0xFC00EC00   /* to the monitor's code */
        ROW     SPARE + 8, 0x00600000, 0xC100EC00
        lgdt    gdt_pointer
        AS_USER 1f
        CAUGHT  13, SPARE
        AS_USER 2f
        CAUGHT  13, SPARE + 8
        FAULTS  13, SPARE, lcall $SPARE, $0
        FAULTS  13, SPARE, ljmp $SPARE, $0
        ret
1:      lcall   $SPARE + 3, $0
2:      lcall   $SPARE + 8 + 3, $0

CASE task-gate
        ROW     SPARE, 0x00800000, 0x0000E500
        ROW     SPARE + 8, 0xFF900000, 0x0000E500       /* the monitor's own task */
        lgdt    gdt_pointer
        FAULTS  13, SPARE, ljmp $SPARE, $0
        FAULTS  13, SPARE + 8, lcall $SPARE + 8, $0
        FAULTS  13, FAULT_TSS, ljmp $FAULT_TSS, $0
        AS_USER 1f
        CAUGHT  13, SPARE + 8
        ret
1:      ljmp    $SPARE + 8 + 3, $0

CASE every-system-type
        mov     $0xE000, %ebx
1:      movl    $0xFF800000, gdt + SPARE
        mov     %ebx, gdt + SPARE + 4
        lgdt    gdt_pointer
        FAULTS  13, SPARE, ljmp $SPARE, $0
        FAULTS  13, SPARE, lcall $SPARE + 3, $0
        LOAD    SPARE, 13, SPARE
        AS_USER 2f
        CAUGHT  13, SPARE
        add     $0x100, %ebx
        cmp     $0xF000, %ebx
        jb      1b
        ret
2:      lcall   $SPARE + 3, $0

CASE conforming-code
        ROW     SPARE, 0xffff, 0x00cf9f00
        lgdt    gdt_pointer
        AS_USER 1f
        CAUGHT  13, 0
        AS_USER 3f
        CAUGHT  14, 4, MONITOR
        ret
1:      ljmp    $SPARE + 3, $USER(2f)
2:      hlt                             /* still a user program */
3:      ljmp    $SPARE + 3, $MONITOR

CASE data-everywhere
        /* Bases and limits of all kinds: what is behind the address decides. */
        ROW     SPARE, 0x0000ffff, 0xfccf9300           /* base FC000000h */
        ROW     SPARE + 8, 0x0000ffff, 0xffcf93ff       /* base FFFF0000h */
        ROW     SPARE + 16, 0x00000000, 0x00cf9700      /* expand down */
        lgdt    gdt_pointer
        mov     $SPARE, %eax
        mov     %eax, %fs
        FAULTS  14, 0, mov %fs:0, %eax
        FAULTS  14, 2, mov %eax, %fs:0x1000000
        FAULTS  14, 0, lgdt %fs:0
        mov     %fs:0x5000000, %eax     /* wraps to low memory */
        mov     $SPARE + 8, %eax
        mov     %eax, %fs
        FAULTS  14, 0, mov %fs:0, %eax
        FAULTS  14, 2, mov %eax, %fs:0xFFC
        mov     $SPARE + 16, %eax
        mov     %eax, %fs
        FAULTS  14, 0, mov %fs:MONITOR, %eax
        ret

CASE code-16-bit
        movw    $0xffff, gdt + SPARE
        mov     $code16, %eax
        mov     %ax, gdt + SPARE + 2
        shr     $16, %eax
        mov     %al, gdt + SPARE + 4
        movw    $0x009b, gdt + SPARE + 5
        mov     %ah, gdt + SPARE + 7
        lgdt    gdt_pointer
        TRY
        ljmp    $SPARE, $0
        TRIED
        CAUGHT  0x80
        ret
code16: .byte   0xB8, 0x34, 0x12        /* mov $1234h, %ax */
        .byte   0xFA                    /* cli */
        .byte   0x0F, 0x20, 0xC3        /* mov %cr0, %ebx */
        .byte   0xCD, 0x80

CASE ldt-absent
        /* There is no LDT: whatever lies at linear address 0 is not one. */
        movl    $0xFF800000, 0
        movl    $0xFC00EC00, 4          /* a call gate into the monitor */
        movl    $0xFF800000, 8
        movl    $0xFC00EC00, 12
        FAULTS  13, 4, lcall $7, $0
        FAULTS  13, 4, lcall $4, $0
        FAULTS  13, 0xC, ljmp $0xF, $0
        movl    $PA(pages) + P + RW + US, other_table   /* user programs see it, too */
        movl    $0xFF800000, pages
        movl    $0xFC00EC00, pages + 4
        movl    $PA(other_table) + P + RW + US, swapper_pg_dir
        FLUSH
        AS_USER 1f
        CAUGHT  13, 4
        AS_USER 2f
        CAUGHT  13, 4
        ret
1:      lcall   $7, $0
2:      mov     $7, %eax
        mov     %eax, %ds

.macro USE_LDT base, limit
        movl    $(\limit) & 0xFFFF, gdt + LDT
        movl    $0x00008200, gdt + LDT + 4
        mov     $\base, %eax
        mov     %ax, gdt + LDT + 2
        shr     $16, %eax
        mov     %al, gdt + LDT + 4
        mov     %ah, gdt + LDT + 7
        mov     $LDT, %eax
        lldt    %ax
.endm

CASE ldt-taken-away
        /* The processor goes on with the segments that it has. */
        movl    $0xffff, pages
        movl    $0x00cf9b00, pages + 4
        movl    $0xffff, pages + 8
        movl    $0x00cf9300, pages + 12
        USE_LDT pages, 15
        ljmp    $4, $1f
1:      mov     $12, %eax
        mov     %eax, %ss
        mov     %eax, %ds
        movl    $0, pages
        movl    $0, pages + 4
        xor     %eax, %eax
        lldt    %ax
        mov     %cr0, %eax
        mov     %cr3, %eax
        mov     %eax, %cr3
        invlpg  SCRATCH
        ljmp    $KERNEL_CS, $2f
2:      mov     $KERNEL_DS, %eax
        mov     %eax, %ss
        mov     %eax, %ds
        ret

CASE ldt-hostile
        USE_LDT MONITOR, 0xFFFF
        LOAD    0xF, 13, 0xC
        USE_LDT 0xFFFFFFF0, 0xFFFF
        mov     $0x1C, %eax
        TRY
        mov     %eax, %ds
        TRIED
        USE_LDT NOWHERE, 0xFFFF
        TRY
        ljmp    $0x1C, $0
        TRIED
        mov     $KERNEL_DS, %eax
        FAULTS  13, KERNEL_DS, lldt %ax
        mov     $TSS, %eax
        FAULTS  13, TSS, lldt %ax
        ret

CASE running-code-removed
        /* The rows of the running segments change in memory; nothing was loaded since. */
        ROW     KERNEL_CS, 0, 0
        ROW     KERNEL_DS, 0, 0
        mov     %cr0, %eax
        mov     %cr3, %eax
        mov     %eax, %cr3
        lgdt    gdt_pointer
        mov     %cr0, %eax
        ROW     KERNEL_CS, 0xffff, 0x00cf9300           /* now it is data */
        lgdt    gdt_pointer
        mov     %cr0, %eax
        ROW     KERNEL_CS, 0xffff, 0x00cf9b00
        ROW     KERNEL_DS, 0xffff, 0x00cf9300
        lgdt    gdt_pointer
        ret

CASE row-made-without-lgdt
        ROW     SPARE, 0xffff, 0x00cf9b00
        movw    $SPARE, idt + 0x40 * 8 + 2
        TRY
        int     $0x40
        TRIED
        CAUGHT  0x40
        ROW     SPARE + 8, 0xffff, 0x00cf9b00
        pushf
        pushl   $SPARE + 8
        pushl   $1f
        iret
1:      mov     %cr0, %eax
        ROW     SPARE + 16, 0xffff, 0x00cf9b00
        ljmp    $SPARE + 16, $2f
2:      mov     %cr0, %eax
        ret

CASE stack-row-becomes-code
        ROW     SPARE, 0xffff, 0x00cf9300
        lgdt    gdt_pointer
        mov     $SPARE, %eax
        mov     %eax, %ss
        ROW     SPARE, 0xffff, 0x00cf9b00
        lgdt    gdt_pointer
        mov     %cr0, %eax
        push    %eax
        pop     %eax
        mov     $KERNEL_DS, %eax
        mov     %eax, %ss
        ret

CASE task-register-hostile
        xor     %eax, %eax
        FAULTS  13, 0, ltr %ax
        mov     $KERNEL_CS, %eax
        FAULTS  13, KERNEL_CS, ltr %ax
        mov     $TSS, %eax              /* busy */
        FAULTS  13, TSS, ltr %ax
        mov     $0xFFF8, %eax
        FAULTS  13, 0xFFF8, ltr %ax
        movl    $0x00000900, gdt + SPARE + 4    /* not present */
        mov     $SPARE, %eax
        FAULTS  11, SPARE, ltr %ax
        mov     $SPARE + 4, %eax        /* in the LDT */
        FAULTS  13, SPARE + 4, ltr %ax
        ret

.macro STACK_FOR_USER selector, pointer
        movl    $\pointer, task + 4
        movl    $\selector, task + 8
.endm

ENDING task-stack-in-monitor, "triple fault"
        STACK_FOR_USER KERNEL_DS, 0xFD000000
        mov     $USER(1f), %eax
        jmp     enter_user
1:      int     $0x80

ENDING task-stack-unmapped, "triple fault"
        STACK_FOR_USER KERNEL_DS, NOWHERE
        mov     $USER(1f), %eax
        jmp     enter_user
1:      int     $0x80

ENDING task-stack-at-zero, "triple fault"
        STACK_FOR_USER KERNEL_DS, 0
        mov     $USER(1f), %eax
        jmp     enter_user
1:      int     $0x80

ENDING task-stack-of-user, "triple fault"
        STACK_FOR_USER USER_DS, user_fault_stack
        mov     $USER(1f), %eax
        jmp     enter_user
1:      int     $0x80
        .set    user_fault_stack, fault_stack_top

ENDING task-too-small, "triple fault"
        ROW     SPARE, 8, 0x00008900
        mov     $SPARE, %eax
        ltr     %ax
        mov     $USER(1f), %eax
        jmp     enter_user
1:      int     $0x80

ENDING task-in-monitor, "triple fault"
        ROW     SPARE, 0x67, 0xFC008900
        mov     $SPARE, %eax
        ltr     %ax
        mov     $USER(1f), %eax
        jmp     enter_user
1:      int     $0x80

CASE io-map-hostile
        movw    $0xFFFF, task + 0x66
        AS_USER 1f
        CAUGHT  13, 0
        movw    $103, task + 0x66
        AS_USER 1f
        CAUGHT  13, 0
        movw    $0, task + 0x66
        AS_USER 1f
        cmpl    $13, caught
        CHECK   e
        ret
1:      mov     $0xFFFF, %edx
        in      %dx, %al
        int     $0x80

        .data
        .balign 4
table_pointer: .long 0, 0
        .section .note.GNU-stack, "", @progbits
