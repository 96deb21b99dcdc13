/*
 * The resident area: stubs, routines, counters and the words that stubs share with the monitor. It is the guest's memory, so whoever
 * spoils it harms himself; what is there before is put back. `SAVE` comes first where a case spoils code.
 */
#include "hostile.h"

/* Memory of nobody, 8 MB behind the kernel. */
#define SAVED 0xC1800000
#define GARBAGE 0xFFFFFFFF
#define BEFORE_RESIDENT 0xC0EFF000

.macro SAVE
        call    save_resident
.endm
.macro RESTORE
        call    restore_resident
.endm

/* Code that no tool has seen: whatever is there goes into the monitor as it is. */
.macro RAW bytes:vararg
        .pushsection .data
888:    .byte   \bytes, 0xC3
        .popsection
        call    888b
.endm
#define READ_CR3 0x0F, 0x20, 0xD8
#define DO_STI 0xFB
#define DO_CLI 0xFA
#define DO_PUSHF_POP_EAX 0x9C, 0x58

/* destination = address of the stub that the window at a label leads to. */
.macro STUB_OF label
        mov     $\label, %ebx
        call    find_stub
.endm

FUNCTION find_stub
        cmpb    $0xE9, (%ebx)
        CHECK   e
        mov     1(%ebx), %eax           /* named from far off, an address inside would keep the window from being one */
        lea     5(%eax, %ebx), %eax
        mov     %eax, destination
        ret
END_FUNCTION find_stub

FUNCTION save_resident
        mov     $RESIDENT, %esi
        mov     $SAVED, %edi
        mov     $RESIDENT_SIZE / 4, %ecx
        rep movsl
        movl    $1, saved
        ret
END_FUNCTION save_resident

/* Does nothing unless it is saved; without a patched instruction. */
        .globl  restore_resident
FUNCTION restore_resident
        cmpl    $0, saved
        je      1f
        mov     $SAVED, %esi
        mov     $RESIDENT, %edi
        mov     $RESIDENT_SIZE / 4, %ecx
        rep movsl
        movl    $0, saved
1:      ret
END_FUNCTION restore_resident

/* What stubs and monitor do with the interrupt flag fits together again. */
FUNCTION check_flag
        cli
        pushf
        pop     %eax
        test    $0x200, %eax
        CHECK   z
        sti
        pushf
        pop     %eax
        test    $0x200, %eax
        CHECK   nz
        push    $2
        popf
        pushf
        pop     %eax
        test    $0x200, %eax
        CHECK   z
        ret
END_FUNCTION check_flag

/* Timer interrupts by vector 20h, as `count_interrupt` takes them; 1 kHz, until there were 2000 (or none, with the mask on). */
FUNCTION start_timer
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
        mov     $0xA9, %al
        out     %al, $0x40
        mov     $4, %al
        out     %al, $0x40
        movl    $0, interrupts
        ret
END_FUNCTION start_timer

FUNCTION stop_timer
        mov     $0xFF, %al
        out     %al, $0x21
        ret
END_FUNCTION stop_timer

CASE shared-words-garbage
        /* Each word, several values: everything that the monitor emulates goes by its own state. */
        movl    $INTERRUPT_FLAG, word
1:      movl    $garbage, value
2:      mov     value, %eax
        mov     (%eax), %eax
        mov     word, %edi
        mov     %eax, (%edi)
        cli
        pushf
        popf
        mov     %cr0, %ebx
        mov     %cr2, %ebx
        mov     %cr3, %ebx
        mov     %cr4, %ebx
        RAW     READ_CR3
        cmp     $PA(swapper_pg_dir), %eax
        CHECK   e
        AS_USER 3f
        CAUGHT  0x80
        mov     $PA(swapper_pg_dir), %eax       /* the copies are written again */
        mov     %eax, %cr3
        mov     %cr3, %eax
        cmp     $PA(swapper_pg_dir), %eax
        CHECK   e
        movl    $0, INTERRUPT_FLAG
        call    check_flag
        addl    $4, value
        cmpl    $garbage_end, value
        jb      2b
        addl    $4, word
        cmpl    $RESIDENT + 128, word
        jb      1b
        ret
3:      int     $0x80

CASE interrupt-flag-garbage
        /* With any value in the flag's word interrupts come or do not come, and the flag is what its bit 9 says. */
        call    start_timer
        movl    $garbage, value
1:      mov     value, %eax
        mov     (%eax), %eax
        mov     %eax, INTERRUPT_FLAG
        RAW     DO_PUSHF_POP_EAX
        mov     $1000, %ecx
2:      RAW     READ_CR3
        loop    2b
        RAW     DO_CLI
        mov     interrupts, %ebx
        mov     $1000, %ecx
3:      RAW     READ_CR3
        loop    3b
        cmp     %ebx, interrupts
        CHECK   e
        cmpl    $0, INTERRUPT_FLAG      /* in mode trap nobody looks at it */
        je      4f
        cmpl    $0, ARENA_USED
        CHECK   e
4:      addl    $4, value
        cmpl    $garbage_end, value
        jb      1b
        call    stop_timer
        jmp     check_flag

CASE resident-header-garbage
        SAVE
        mov     $RESIDENT, %edi
        mov     $16, %ecx
        mov     $GARBAGE, %eax
        rep stosl
        call    check_flag
        AS_USER 1f
        CAUGHT  0x80
        RESTORE
        ret
1:      int     $0x80

CASE resident-area-overwritten
        /* All of it; what is not patched works on. */
        SAVE
        mov     $RESIDENT, %edi
        mov     $RESIDENT_SIZE / 4, %ecx
        mov     $0xCCCCCCCC, %eax
        rep stosl
        RAW     READ_CR3
        mov     %eax, %ebx
        RAW     DO_STI
        RAW     DO_CLI
        RESTORE
        cmp     $PA(swapper_pg_dir), %ebx
        CHECK   e
        jmp     check_flag

STUB_ENDING stubs-overwritten, "triple fault"
        mov     $RESIDENT + 128, %edi
        mov     $(RESIDENT_SIZE - 128) / 4, %ecx
        mov     $0x0B0F0B0F, %eax       /* UD2, in the handler of #UD, too */
        rep stosl
        cli
        ret

STUB_ENDING stubs-remapped, "triple fault"
        /* Another frame is where the stubs should be, full of UD2. */
        mov     $pages, %edi
        mov     $1024, %ecx
        mov     $0x0B0F0B0F, %eax
        rep stosl
        mov     $scratch_table + 0x300 * 4, %edi
        mov     $RESIDENT_SIZE / 4096, %ecx
        mov     $PA(pages) + P + RW, %eax
        rep stosl
        movl    $PA(scratch_table) + P + RW, swapper_pg_dir + (RESIDENT >> 22) * 4
        FLUSH
        cli
        ret

CASE resident-unmapped
        /* Stubs are there, whatever the tables say; nothing else is. */
        movl    $0, swapper_pg_dir + (RESIDENT >> 22) * 4
        FLUSH
        call    check_flag
        FAULTS  14, 0, mov BEFORE_RESIDENT, %eax
        FAULTS  14, 2, mov %eax, RESIDENT - 4
        TRY
        mov     $BEFORE_RESIDENT, %eax
        jmp     *%eax
        TRIED
        CAUGHT  14, 0, BEFORE_RESIDENT
        AS_USER 1f
        CAUGHT  14, 4, INTERRUPT_FLAG
        ret
1:      movl    INTERRUPT_FLAG, %eax

CASE resident-read-only
        movl    $0xC00000 + P + PS, swapper_pg_dir + (RESIDENT >> 22) * 4
        FLUSH
        call    check_flag
        movl    $PA(scratch_table) + P + RW, swapper_pg_dir + (RESIDENT >> 22) * 4
        mov     $RESIDENT_SIZE / 4096, %ecx
        mov     $RESIDENT_FRAME + P, %eax
        mov     $scratch_table + 0x300 * 4, %edi
1:      stosl
        add     $4096, %eax
        loop    1b
        FLUSH
        call    check_flag
        AS_USER 2f
        CAUGHT  14, 7, INTERRUPT_FLAG
        ret
2:      movl    $0x200, INTERRUPT_FLAG

CASE resident-by-alias
        /* A user program that the kernel lets write the words. */
        call    start_timer
        PTE     RESIDENT_FRAME, P + RW + US
        sti
        AS_USER 1f
        CAUGHT  0x80
        sti
        movl    $0, SCRATCH + 64
        call    check_flag
        AS_USER 2f
        CAUGHT  0x80
        call    stop_timer
        cli
        jmp     check_flag
1:      mov     $20000, %ecx
3:      movl    $0x200, SCRATCH + 64
        movl    $0, SCRATCH + 64
        movl    $GARBAGE, SCRATCH + 68
        loop    3b
        int     $0x80
2:      mov     $SCRATCH + 64, %edi
        mov     $16, %ecx
        mov     $GARBAGE, %eax
        rep stosl
        int     $0x80

CASE resident-as-page-table
        /* Its first page as a table: watched, so that stubs' writes come into the monitor. */
        movl    $RESIDENT_FRAME + P + RW + US, SCRATCH_ENTRY
        FLUSH
        movl    $SCRATCH, word
1:      TRY
        mov     word, %eax
        mov     (%eax), %eax
        TRIED
        call    check_flag
        addl    $4096, word
        cmpl    $SCRATCH + 32 * 4096, word
        jb      1b
        FLUSH
        jmp     check_flag

CASE resident-as-directory
        /* The directory in its last page. */
        mov     $RESIDENT_FRAME + RESIDENT_SIZE - 4096, %edi
        call    make_directory
        mov     $RESIDENT_FRAME + RESIDENT_SIZE - 4096, %eax
        mov     %eax, %cr3
        call    check_flag
        movl    $0x1000, COPY_OF_CR3
        RAW     READ_CR3
        cmp     $RESIDENT_FRAME + RESIDENT_SIZE - 4096, %eax
        CHECK   e
        mov     $PA(swapper_pg_dir), %eax
        mov     %eax, %cr3
        jmp     check_flag

CASE tables-in-resident
        SAVE
        mov     $gdt, %esi
        mov     $ARENA_END - 0x1000, %edi
        mov     $GDT_SIZE / 4, %ecx
        rep movsl
        mov     $idt, %esi
        mov     $ARENA_END - 0x2000, %edi
        mov     $0x200, %ecx
        rep movsl
        movl    $ARENA_END - 0x1000, table_pointer + 2
        movw    $GDT_SIZE - 1, table_pointer
        lgdt    table_pointer
        movl    $ARENA_END - 0x2000, table_pointer + 2
        movw    $0x7FF, table_pointer
        lidt    table_pointer
        FAULTS  3, 0, int3
        AS_USER 1f
        CAUGHT  0x80
        lidt    idt_pointer
        lgdt    gdt_pointer
        RESTORE
        jmp     check_flag
1:      int     $0x80

CASE stack-in-resident
        SAVE
        TRY                             /* an exception's frame over the shared words */
        mov     $RESIDENT + 128, %esp
        int3
        TRIED
        CAUGHT  3
        movl    $0, INTERRUPT_FLAG
        TRY                             /* and the frame of one that changes the stack */
        movl    $RESIDENT + 128, task + 4
        mov     $USER(1f), %eax
        call    enter_user
        TRIED
        movl    $user_fault_stack_top, task + 4
        CAUGHT  0x80
        movl    $0, INTERRUPT_FLAG
        mov     %esp, %ebx              /* the flag's own word on top of the stack */
        mov     $INTERRUPT_FLAG, %esp
        push    $GARBAGE
        pop     %eax
        movl    $0x202, INTERRUPT_FLAG
        popf
        mov     %ebx, %esp
        RESTORE
        jmp     check_flag
1:      int     $0x80

/* ---- stubs ---- */

STUB_CASE fault-in-stub
        /* Reported where the instruction stood. */
        TRY
page_window:
        cli
        mov     NOWHERE, %eax
        TRIED
        CAUGHT  14, 0, NOWHERE
        mov     $page_window, %eax
        cmpb    $0xE9, (%eax)
        CHECK   e
        inc     %eax
        cmp     %eax, caught_at
        CHECK   e
        TRY
divide_window:
        cli
        divl    zero
        TRIED
        CAUGHT  0
        mov     $divide_window, %eax
        cmpb    $0xE9, (%eax)
        CHECK   e
        inc     %eax
        cmp     %eax, caught_at
        CHECK   e
        TRY
write_window:
        cli
        movl    $1, MONITOR
        TRIED
        CAUGHT  14, 2, MONITOR
        mov     $write_window, %eax
        cmpb    $0xE9, (%eax)
        CHECK   e
        inc     %eax
        cmp     %eax, caught_at
        CHECK   e
        jmp     check_flag

STUB_CASE return-into-window
        /* The handler mends the page and returns to where the instruction stood, which is in the middle of a jump. */
        mov     $mending_handler, %eax
        mov     %ax, idt + 14 * 8
        shr     $16, %eax
        mov     %ax, idt + 14 * 8 + 6
        movl    $0, interrupts
        movl    $0x12345678, pages
mended_window:
        cli
        mov     SCRATCH, %eax
        cmpl    $1, interrupts
        CHECK   e
        cmp     $0x12345678, %eax
        CHECK   e
        cmpb    $0xE9, mended_window
        CHECK   e
        jmp     check_flag
mending_handler:
        incl    interrupts
        movl    $PA(pages) + P + RW, scratch_table
        mov     $mended_window, %eax
        inc     %eax
        cmp     %eax, 4(%esp)
        CHECK   e
        add     $4, %esp
        iret

/* Four windows to look at from outside. */
        .balign 16
cli_window:
        cli
        .fill   7, 1, 0x90
        ret
sti_window:
        sti
        .fill   7, 1, 0x90
        ret
pushf_window:
        pushf
        .fill   7, 1, 0x90
        pop     %eax
        ret
popf_window:
        popf
        .fill   7, 1, 0x90
        ret

STUB_CASE stubs-from-user
        STUB_OF cli_window
        TRY
        mov     destination, %eax
        call    enter_user
        TRIED
        CAUGHT  14, 5
        mov     destination, %eax
        cmp     %eax, caught_address
        CHECK   e
        /* The kernel gives the pages to user programs: what a stub does then is done by one of them. */
        movl    $0xC00000 + P + RW + US + PS, swapper_pg_dir + (RESIDENT >> 22) * 4
        FLUSH
        movl    $0x200, INTERRUPT_FLAG
        TRY
        mov     destination, %eax
        call    enter_user
        TRIED
        CAUGHT  14, 5
        mov     caught_address, %eax    /* back into the kernel's window */
        sub     $cli_window, %eax
        cmp     $8, %eax
        CHECK   be
        jmp     check_flag

STUB_CASE stub-rewritten
        /* What the guest puts there is executed as code of its kernel, and no more. */
        SAVE
        STUB_OF cli_window
        mov     destination, %eax
        movl    $0xC3D8200F, (%eax)             /* mov %cr3, %eax; ret */
        call    cli_window
        cmp     $PA(swapper_pg_dir), %eax
        CHECK   e
        mov     destination, %eax
        movl    $0xC3F4FB, (%eax)               /* sti; hlt; ret */
        call    start_timer
        call    cli_window
        call    stop_timer
        RAW     DO_CLI
        cmpl    $0, interrupts
        CHECK   ne
        mov     destination, %eax
        movl    $0x0B0F, (%eax)                 /* ud2: at the window, for all that the guest knows */
        FAULTS  6, 0, call cli_window
        cmpl    $cli_window, caught_at
        CHECK   e
        mov     destination, %eax
        movl    $0x40CD, (%eax)                 /* int $0x40 */
        FAULTS  0x40, 0, call cli_window
        mov     destination, %eax
        movl    $0xA1, (%eax)                   /* mov 0xFC000000, %eax */
        movl    $0xC3FC, 4(%eax)
        FAULTS  14, 0, call cli_window
        cmpl    $MONITOR, caught_address
        CHECK   e
        RESTORE
        jmp     check_flag

STUB_CASE stepped-stub
        /* Stepping sees the instructions that were there, not those of stubs. v86 does not step. */
        mov     $step_handler, %eax
        mov     %ax, idt + 1 * 8
        shr     $16, %eax
        mov     %ax, idt + 1 * 8 + 6
        movl    $0, interrupts
        movl    $0, strayed
        call    stepped
        cmpl    $0, strayed
        CHECK   e
        jmp     check_flag
stepped:
        pushl   $0x102
        popf
        .fill   6, 1, 0x90
        cli
        .fill   6, 1, 0x90
        pushf
        .fill   6, 1, 0x90
        andl    $~0x100, (%esp)
        popf
        .fill   6, 1, 0x90
        ret
step_handler:
        incl    interrupts
        push    %eax
        mov     4(%esp), %eax
        sub     $RESIDENT, %eax
        cmp     $RESIDENT_SIZE, %eax
        jae     1f
        incl    strayed
1:      pop     %eax
        iret

STUB_CASE flags-by-popf
        /* All bits: none of them is more than it is in ring 3, none is lost that a kernel uses. */
        pushl   $0xFFFFFEFF & ~0x40000          /* not TF, not AC */
        popf
        .fill   6, 1, 0x90
        pushf
        .fill   6, 1, 0x90
        pop     %eax
        pushl   $2
        popf
        .fill   6, 1, 0x90
        and     $0x254ED5 & ~0x40000, %eax      /* CF PF AF ZF SF IF DF OF NT ID */
        cmp     $0x204ED5, %eax
        CHECK   e
        jmp     check_flag

CASE popf-faults
        /* Its stack ends in front of it: nothing has changed then, the interrupt flag least of all. */
        mov     $popf_handler, %eax
        mov     %ax, idt + 14 * 8
        shr     $16, %eax
        mov     %ax, idt + 14 * 8 + 6
        PTE     PA(pages), P + RW
        mov     %esp, resume_stack
        mov     $SCRATCH + 0x1000, %esp
        sti
        .fill   6, 1, 0x90
faulting_popf:
        popf
        .fill   6, 1, 0x90
        ud2
popf_handler:
        mov     4(%esp), %eax
        mov     12(%esp), %ebx
        lea     16(%esp), %ecx
        mov     resume_stack, %esp
        cmp     $faulting_popf, %eax
        CHECK   e
        test    $0x200, %ebx
        CHECK   nz
        cmp     $SCRATCH + 0x1000, %ecx
        CHECK   e
        jmp     check_flag

CASE return-flags
        /* To the kernel, with all of them but TF, NT and VM. */
        pushl   $0xFFFFFEFF & ~0x4000 & ~0x20000 & ~0x40000
        pushl   $KERNEL_CS
        pushl   $1f
        iret
1:      pushf
        .fill   6, 1, 0x90
        pop     %eax
        pushl   $2
        popf
        .fill   6, 1, 0x90
        and     $0x254ED5 & ~0x40000, %eax
        cmp     $0x200ED5, %eax
        CHECK   e
        TRY                                     /* NT: a task that is not there */
        pushl   $0x4002
        popf
        .fill   6, 1, 0x90
        pushl   $2
        pushl   $KERNEL_CS
        pushl   $2f
        iret
2:
        TRIED
        cmpl    $-1, caught
        CHECK   ne
        pushl   $2
        popf
        .fill   6, 1, 0x90
        jmp     check_flag

WILD stubs-jumped-into
        /* At every byte of them: most are no instruction's first. */
        movl    $windows, word
1:      movl    $0, value
2:      mov     word, %eax
        mov     (%eax), %ebx
        call    find_stub
        mov     value, %eax
        add     %eax, destination
        TRY
        mov     $pages + 0x1000, %ebp
        mov     %ebp, %eax
        mov     %ebp, %ebx
        mov     %ebp, %ecx
        mov     %ebp, %edx
        mov     %ebp, %esi
        mov     %ebp, %edi
        pushl   $3f
        pushl   $2
        jmp     *destination
3:
        TRIED
        mov     resume_stack, %esp
        incl    value
        cmpl    $24, value
        jb      2b
        addl    $4, word
        cmpl    $windows_end, word
        jb      1b
        ret

CASE self-return
        /* What serialises the processor: a return to the next instruction, by a stub's own IRET; and the same with NT. */
        pushf
        push    %cs
        pushl   $1f
        iret
1:      call    check_flag
        pushl   $0x4002
        popf
        .fill   6, 1, 0x90
        TRY
        pushf
        push    %cs
        pushl   $2f
        iret
2:      nop
        TRIED
        cmpl    $-1, caught
        CHECK   ne
        pushl   $2
        popf
        .fill   6, 1, 0x90
        jmp     check_flag

        .data
        .balign 4
saved:  .long   0
word:   .long   0
value:  .long   0
destination: .long 0
strayed: .long  0
zero:   .long   0
table_pointer: .long 0, 0
windows: .long  cli_window, sti_window, pushf_window, popf_window
windows_end:
garbage: .long  0, 1, 0x100, 0x200, 0xFFFFFDFF, 0xFFFFFFFF, 0x80000000, MONITOR
garbage_end:
        .section .note.GNU-stack, "", @progbits
