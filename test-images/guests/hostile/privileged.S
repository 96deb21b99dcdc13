/* Privileged instructions from user programs, control registers and MSRs with hostile values, odd encodings, ports. */
#include "hostile.h"


/* The snippets: all at fixed distances, one privileged instruction each. */
.macro SNIPPET instruction:vararg
        .balign 16, 0x90
        \instruction
        int     $0x80
.endm

CASE privileged-from-user
        mov     $snippets, %ebx
1:      TRY
        lea     USER_ALIAS - 0xC1000000(%ebx), %eax
        call    enter_user
        TRIED
        cmpl    $6, caught              /* v86 does not know INVD */
        je      2f
        CAUGHT  13, 0
2:      add     $16, %ebx
        cmp     $snippets_end, %ebx
        jb      1b
        ret
        UNSEEN
        .balign 16, 0x90
snippets:
        SNIPPET cli
        SNIPPET sti
        SNIPPET hlt
        SNIPPET clts
        SNIPPET invd
        SNIPPET wbinvd
        SNIPPET rdmsr
        SNIPPET wrmsr
        SNIPPET lgdt USER(snippets)
        SNIPPET lidt USER(snippets)
        SNIPPET lldt %ax
        SNIPPET ltr %ax
        SNIPPET lmsw %ax
        SNIPPET invlpg USER(snippets)
        SNIPPET mov %cr0, %eax
        SNIPPET mov %cr2, %eax
        SNIPPET mov %cr3, %eax
        SNIPPET mov %cr4, %eax
        SNIPPET mov %eax, %cr0
        SNIPPET mov %eax, %cr2
        SNIPPET mov %eax, %cr3
        SNIPPET mov %eax, %cr4
        SNIPPET mov %db0, %eax
        SNIPPET mov %db7, %eax
        SNIPPET mov %eax, %db0
        SNIPPET mov %eax, %db7
        SNIPPET in $0x20, %al
        SNIPPET in %dx, %eax
        SNIPPET out %al, $0x64
        SNIPPET out %eax, %dx
        SNIPPET insb
        SNIPPET outsl
        SNIPPET sysexit
        SNIPPET sysenter
snippets_end:
        END_UNSEEN

CASE control-registers-hostile
        mov     %cr0, %ebx
        mov     $0x80000000, %eax       /* paging without protection */
        FAULTS  13, 0, mov %eax, %cr0
        mov     %cr0, %eax
        cmp     %ebx, %eax
        CHECK   e
        mov     $11, %ecx
1:      mov     $1, %eax
        shl     %cl, %eax
        or      $0x10, %eax
        FAULTS  13, 0, mov %eax, %cr4
        inc     %ecx
        cmp     $32, %ecx
        jb      1b
        FAULTS  6, 0, .byte 0x0F, 0x22, 0xC8    /* CR1 */
        FAULTS  6, 0, .byte 0x0F, 0x20, 0xE8    /* CR5 */
        xor     %eax, %eax
        lmsw    %ax                     /* does not clear PE */
        mov     %cr0, %eax
        test    $1, %al
        CHECK   nz
        ret

.macro MSR index
        mov     $\index, %ecx
        FAULTS  13, 0, rdmsr
        FAULTS  13, 0, wrmsr
.endm

CASE msrs-hostile
        MSR     0xDEADBEEF
        MSR     0xC0000080
        MSR     0x1B
        MSR     0x277
        MSR     0x40000000
        MSR     0x1D9
        MSR     0xFFFFFFFF
        ret

.macro SET_MSR index, value
        mov     $\index, %ecx
        mov     $\value, %eax
        xor     %edx, %edx
        wrmsr
.endm

CASE sysenter-hostile
        SET_MSR 0x174, 0
        AS_USER 1f
        CAUGHT  13, 0
        FAULTS  13, 0, sysexit
        SET_MSR 0x174, KERNEL_CS
        SET_MSR 0x176, MONITOR
        SET_MSR 0x175, fault_stack_top
        AS_USER 1f
        CAUGHT  14, 0, MONITOR
        SET_MSR 0x174, 0xFF80           /* the monitor's segments are not in the guest's table */
        AS_USER 1f
        cmpl    $13, caught
        CHECK   e
        SET_MSR 0x174, 0xFFFF
        AS_USER 1f
        cmpl    $13, caught
        CHECK   e
        mov     $MONITOR, %edx
        FAULTS  13, 0xC, sysexit        /* FFFCh + 16, of 16 bits */
        SET_MSR 0x174, KERNEL_CS
        mov     $MONITOR, %edx
        mov     $MONITOR, %ecx
        TRY
        sysexit
        TRIED
        CAUGHT  14, 4, MONITOR
        SET_MSR 0x174, 0
        ret
1:      sysenter

CASE debug-registers
        mov     $MONITOR, %eax
        mov     %eax, %db0
        mov     $0xFD000000, %eax
        mov     %eax, %db1
        mov     $pages, %eax
        mov     %eax, %db2
        mov     $0xFFFF07FF, %eax
        mov     %eax, %db7
        mov     %cr0, %eax
        movl    $1, pages
        mov     %db0, %eax
        cmp     $MONITOR, %eax
        CHECK   e
        xor     %eax, %eax
        mov     %eax, %db7
        ret

CASE single-step
        /* Over instructions that trap; v86 steps over no others. */
        movl    $0, interrupts
        mov     $step_handler, %eax
        mov     %ax, idt + 1 * 8
        shr     $16, %eax
        mov     %ax, idt + 1 * 8 + 6
        pushf
        orl     $0x100, (%esp)
        popf
        nop
        mov     %cr0, %eax
        mov     %cr3, %eax
        cli
        clts
        pushf
        andl    $~0x100, (%esp)
        popf
        cmpl    $0, interrupts
        je      1f
        cmpl    $4, interrupts
        CHECK   ae
        cmpl    $16, interrupts
        CHECK   be
1:      ret
step_handler:
        incl    interrupts
        iret

CASE single-step-into-traps
        pushf
        orl     $0x100, (%esp)
        TRY
        popf
        mov     MONITOR, %eax
        TRIED
        add     $4, %esp
        cmpl    $1, caught
        je      1f
        CAUGHT  14, 0, MONITOR
1:      pushf
        orl     $0x100, (%esp)
        TRY
        popf
        int     $0x40
        TRIED
        add     $4, %esp
        cmpl    $1, caught
        je      2f
        CAUGHT  0x40
2:      ret

CASE flags-from-user
        AS_USER 1f
        CAUGHT  0x80
        testl   $0x3000, user_word      /* IOPL stays 0, whatever POPF says */
        CHECK   z
        AS_USER 2f
        CAUGHT  13, 0
        movl    $0x3002, user_flags     /* the kernel gives it */
        AS_USER 2f
        CAUGHT  0x80
        AS_USER 3f
        CAUGHT  0x80
        movl    $2, user_flags
        ret
        UNSEEN
1:      pushl   $0x23002 + 0x4200
        popf
        pushf
        pop     %eax
        mov     %eax, USER(user_word)
        int     $0x80
2:      cli
        int     $0x80
3:      in      $0x61, %al
        int     $0x80
        END_UNSEEN

/* One byte too long. */
.macro PREFIXED prefix, opcode
        UNSEEN
66:     .fill   15, 1, \prefix
        .byte   \opcode
        END_UNSEEN
        jmp     66b
.endm

CASE odd-encodings
        FAULTS  6, 0, .byte 0xF0, 0xFA          /* lock cli */
        FAULTS  6, 0, .byte 0xF0, 0x0F, 0xC7, 0xC8      /* lock cmpxchg8b %eax */
        FAULTS  6, 0, .byte 0x0F, 0x01, 0xD0 + 7        /* lgdt of a register */
        FAULTS  6, 0, .byte 0x0F, 0x00, 0xF0            /* group 6, 6 */
        FAULTS  6, 0, .byte 0x8E, 0xC8                  /* mov %eax, %cs */
        FAULTS  6, 0, .byte 0x8E, 0xF8                  /* to segment 7 */
        FAULTS  6, 0, .byte 0x0F, 0xB2, 0xC0            /* lss of a register */
        FAULTS  13, 0, PREFIXED 0x66, 0xFA
        FAULTS  13, 0, PREFIXED 0x2E, 0xF4
        TRY
        .fill   14, 1, 0x3E
        cli
        TRIED
        NOTHING
        ret

CASE patched-site-overwritten
        /* CPUID is a site; now something else is there. */
        mov     site_bytes, %eax
        movb    $0x90, site
        movb    $0x90, site + 1
        mov     $0x1234, %eax
site:   cpuid
        cmp     $0x1234, %eax
        CHECK   e
        movb    $0xFA, site2            /* CLI, where a trap was */
        movb    $0x90, site2 + 1
site2:  cpuid
        mov     $1, %eax
        ret

CASE string-io-hostile
        mov     $0x80, %edx
        mov     $MONITOR, %esi
        mov     $4, %ecx
        FAULTS  14, 0, rep outsb
        mov     $MONITOR, %edi
        FAULTS  14, 2, rep insb
        mov     $0xFFFFFFFE, %edi
        FAULTS  14, 2, insl
        PTE     PA(pages), P
        mov     $SCRATCH, %edi
        FAULTS  14, 3, insl
        mov     $SCRATCH + 0xFFE, %esi
        FAULTS  14, 0, outsl
        xor     %ecx, %ecx
        mov     $MONITOR, %esi
        rep outsl                       /* of nothing */
        ret

CASE every-port
        xor     %edx, %edx
1:      in      %dx, %al
        in      %dx, %eax
        inc     %edx
        cmp     $0x10000, %edx
        jb      1b
        xor     %edx, %edx
2:      mov     %edx, %eax
        and     $~15, %eax
        cmp     $0x3F0, %eax            /* the console */
        je      3f
        cmp     $0x60, %eax             /* resets */
        je      3f
        cmp     $0x90, %eax
        je      3f
        cmp     $0xCF0, %eax
        je      3f
        mov     %edx, %eax
        out     %al, %dx
        xor     %eax, %eax
        out     %ax, %dx
3:      inc     %edx
        cmp     $0x10000, %edx
        jb      2b
        ret

        .data
        .balign 4
site_bytes: .long 0
user_word: .long 0
        .section .note.GNU-stack, "", @progbits
