/* The monitor's memory: by its addresses, by its frames, by whatever page tables can say. */
#include "hostile.h"

#define LARGE 0x400000

.macro TOUCH address
        FAULTS  14, 0, mov \address, %eax
        cmpl    $\address, caught_address
        CHECK   e
        FAULTS  14, 2, movl $0, \address
        TRY
        lock xaddl %eax, \address       /* QEMU reads first */
        TRIED
        CAUGHT  14
.endm

CASE monitor-addresses
        TOUCH   0xFC000000
        TOUCH   0xFC001000
        TOUCH   0xFD000000
        TOUCH   0xFDBFFFFC
        TOUCH   0xFDC00000
        TOUCH   0xFE000000
        TOUCH   0xFEFFFFFC
        TOUCH   0xFF000000
        TOUCH   0xFFFFFFFC
        ret

CASE monitor-strings
        mov     $MONITOR - 16, %edi     /* starts outside */
        mov     $64, %ecx
        FAULTS  14, 2, rep stosb
        mov     $MONITOR, %esi
        mov     $pages, %edi
        mov     $4, %ecx
        FAULTS  14, 0, rep movsl
        FAULTS  14, 2, fnsave MONITOR
        FAULTS  14, 0, lgdt MONITOR
        FAULTS  14, 2, sgdt MONITOR
        FAULTS  14, 0, lmsw MONITOR
        FAULTS  14, 2, str MONITOR
        ret

CASE monitor-jump
        mov     $MONITOR, %eax
        FAULTS  14, 0, jmp *%eax
        mov     $0xFFFFFFFF, %eax
        FAULTS  14, 0, call *%eax
        mov     $MONITOR_WINDOW, %eax
        FAULTS  14, 0, jmp *%eax
        ret

CASE monitor-from-user
        AS_USER 1f
        CAUGHT  14, 4, MONITOR
        AS_USER 2f
        CAUGHT  14, 6, MONITOR
        AS_USER 3f
        CAUGHT  14, 4, MONITOR
        ret
1:      mov     MONITOR, %eax
2:      movl    $0, MONITOR
3:      mov     $MONITOR, %eax
        jmp     *%eax

CASE monitor-by-directory-entry
        /* A kernel may have entries there; they show nothing. */
        movl    $P + RW + US + PS, swapper_pg_dir + 1008 * 4
        movl    $PA(scratch_table) + P + RW + US, swapper_pg_dir + 1023 * 4
        FLUSH
        invlpg  MONITOR
        invlpg  0xFFFFF000
        FAULTS  14, 0, mov MONITOR, %eax
        FAULTS  14, 2, mov %eax, 0xFFFFF000
        AS_USER 1f
        CAUGHT  14, 4, MONITOR
        ret
1:      mov     MONITOR, %eax

.macro SHOWS_NOTHING at
        TRY
        mov     \at, %ebx
        movl    $0x11111111, \at
        TRIED
        NOTHING
        cmp     $0xFFFFFFFF, %ebx
        CHECK   e
.endm

CASE monitor-by-table
        PTE     MONITOR_FRAME, P + RW
        SHOWS_NOTHING SCRATCH
        PTE     MONITOR_FRAME + 0x1000, P + RW + US
        SHOWS_NOTHING SCRATCH
        PTE     MONITOR_FRAME + 0x1BFF000, P + RW + US
        SHOWS_NOTHING SCRATCH + 0xFFC
        AS_USER 1f
        CAUGHT  0x80
        ret
1:      movl    $0x22222222, SCRATCH
        mov     SCRATCH, %eax
        int     $0x80

CASE monitor-by-every-frame
        xor     %ebx, %ebx
1:      lea     MONITOR_FRAME + P + RW(%ebx), %eax
        mov     %eax, scratch_table
        invlpg  SCRATCH
        cmpl    $0xFFFFFFFF, SCRATCH
        CHECK   e
        add     $0x4000, %ebx
        cmp     $0x1C00000, %ebx
        jb      1b
        ret

CASE monitor-by-large-page
        movl    $MONITOR_FRAME + P + RW + US + PS, SCRATCH_ENTRY
        FLUSH
        SHOWS_NOTHING SCRATCH
        SHOWS_NOTHING SCRATCH + 0x3FF000
        movl    $MONITOR_FRAME + LARGE + P + RW + US + PS, SCRATCH_ENTRY
        FLUSH
        SHOWS_NOTHING SCRATCH + 0x1000
        /* The page that ends where the monitor starts is the guest's. */
        movl    $MONITOR_FRAME - LARGE + P + RW + PS, SCRATCH_ENTRY
        FLUSH
        movl    $0x1234, SCRATCH + 0x3FFFFC
        cmpl    $0x1234, SCRATCH + 0x3FFFFC
        CHECK   e
        ret

CASE monitor-identity
        /* Low memory is mapped one to one by the kernel's own large pages. */
        SHOWS_NOTHING MONITOR_FRAME
        SHOWS_NOTHING MONITOR_FRAME + 0x123000
        SHOWS_NOTHING 0xC0000000 + MONITOR_FRAME + 0x2000
        ret

CASE monitor-as-page-table
        movl    $MONITOR_FRAME + P + RW + US, SCRATCH_ENTRY
        FLUSH
        SHOWS_NOTHING SCRATCH
        SHOWS_NOTHING SCRATCH + 0x7000
        ret

CASE page-table-beyond-memory
        movl    $0xFFFFF000 + P + RW + US, SCRATCH_ENTRY
        FLUSH
        SHOWS_NOTHING SCRATCH
        movl    $0x7FFFF000 + P + RW + US, SCRATCH_ENTRY
        FLUSH
        SHOWS_NOTHING SCRATCH
        movl    $0xA0000 + P + RW + US, SCRATCH_ENTRY
        FLUSH
        SHOWS_NOTHING SCRATCH
        ret

CASE absent-memory
        PTE     0xA0000, P + RW         /* the hole below 1 MB */
        SHOWS_NOTHING SCRATCH
        PTE     0xFEE00000, P + RW      /* an APIC would be here */
        SHOWS_NOTHING SCRATCH
        PTE     0xFFFFF000, P + RW
        SHOWS_NOTHING SCRATCH
        PTE     0x7FFFF000, P + RW
        SHOWS_NOTHING SCRATCH
        ret

CASE recursive-mapping
        movl    $PA(swapper_pg_dir) + P + RW, swapper_pg_dir + 300 * 4
        FLUSH
        /* Tables at 4B000000h; the entry of SCRATCH among them. */
        movl    $MONITOR_FRAME + 0x5000 + P + RW, 0x4B000000 + (SCRATCH >> 12) * 4
        invlpg  SCRATCH
        SHOWS_NOTHING SCRATCH
        /* The directory is at 4B12C000h: its own entry goes to the monitor. */
        movl    $MONITOR_FRAME + P + RW, 0x4B000000 + 300 * 4096 + 301 * 4
        FLUSH
        SHOWS_NOTHING 0x4B400000
        ret

ENDING cr3-in-monitor, "triple fault"
        mov     $MONITOR_FRAME, %eax
        mov     %eax, %cr3
        nop
        ret

ENDING cr3-beyond-memory, "triple fault"
        mov     $0xFFFFF000, %eax
        mov     %eax, %cr3
        nop
        ret

ENDING cr3-in-hole, "triple fault"
        mov     $0xA0000, %eax
        mov     %eax, %cr3
        nop
        ret

/* PAE: the directory pointers, one directory, and pages of 2 MB. */
FUNCTION enter_pae
        mov     $other_directory, %edi
        mov     $1024, %ecx
        xor     %eax, %eax
        rep stosl
        mov     $other_directory, %edi  /* of all gigabytes: 32 MB, over and over */
        mov     $P + RW + PS, %eax
        mov     $32, %ecx
1:      mov     %eax, (%edi)
        movl    $0, 4(%edi)
        add     $8, %edi
        add     $0x200000, %eax
        loop    1b
        movl    $MONITOR_FRAME + P + RW + PS, other_directory + 40 * 8
        movl    $MONITOR_FRAME + 0x1A00000 + P + RW + US + PS, other_directory + 41 * 8
        movl    $PA(other_table) + P + RW + US, other_directory + 42 * 8
        movl    $P + RW + PS, other_directory + 43 * 8
        movl    $0x12, other_directory + 43 * 8 + 4     /* above 4 GB */
        movl    $MONITOR_FRAME + P + RW + US, other_directory + 44 * 8  /* as a page table */
        movl    $MONITOR_FRAME + 0x4000 + P + RW + US, other_table
        movl    $0, other_table + 4
        movl    $0x5000 + P + RW, other_table + 8
        movl    $0x80000000, other_table + 12
        mov     $PA(other_directory) + P, %eax
        mov     %eax, pages
        mov     %eax, pages + 8
        mov     %eax, pages + 16
        mov     %eax, pages + 24
        xor     %eax, %eax
        mov     %eax, pages + 4
        mov     %eax, pages + 12
        mov     %eax, pages + 20
        mov     %eax, pages + 28
        mov     $PA(1f), %eax
        jmp     *%eax
1:      mov     %cr0, %eax
        and     $0x7FFFFFFF, %eax
        mov     %eax, %cr0
        mov     $PA(pages), %eax
        mov     %eax, %cr3
        mov     $0x30, %eax
        mov     %eax, %cr4
        mov     %cr0, %eax
        or      $0x80000000, %eax
        mov     %eax, %cr0
        mov     $2f, %eax
        jmp     *%eax
2:      ret
END_FUNCTION enter_pae

FUNCTION leave_pae
        mov     $PA(1f), %eax
        jmp     *%eax
1:      mov     %cr0, %eax
        and     $0x7FFFFFFF, %eax
        mov     %eax, %cr0
        mov     $0x10, %eax
        mov     %eax, %cr4
        mov     $PA(swapper_pg_dir), %eax
        mov     %eax, %cr3
        mov     %cr0, %eax
        or      $0x80000000, %eax
        mov     %eax, %cr0
        mov     $2f, %eax
        jmp     *%eax
2:      ret
END_FUNCTION leave_pae

CASE monitor-by-pae
        call    enter_pae
        SHOWS_NOTHING 40*0x200000
        SHOWS_NOTHING 41*0x200000+0x1FF000
        SHOWS_NOTHING 42*0x200000
        SHOWS_NOTHING 43*0x200000
        SHOWS_NOTHING 44*0x200000
        SHOWS_NOTHING 0xC0000000+40*0x200000
        TOUCH   0xFC000000
        TOUCH   0xFFFFFFFC
        call    leave_pae
        ret

CASE pae-pointers-hostile
        call    enter_pae
        movl    $PA(other_directory) + P + RW + US, pages       /* reserved bits */
        mov     $PA(pages), %eax
        FAULTS  13, 0, mov %eax, %cr3
        movl    $PA(other_directory) + P, pages
        movl    $MONITOR_FRAME + P, pages + 8                   /* second gigabyte: the monitor as its directory */
        movl    $0x12, pages + 16 + 4                           /* third: above 4 GB */
        FLUSH
        SHOWS_NOTHING 0x40000000
        TRY
        mov     0x80000000, %eax
        TRIED
        cmpl    $13, caught
        CHECK   ne
        movl    $PA(other_directory) + P, pages + 8
        movl    $0, pages + 16 + 4
        FLUSH
        call    leave_pae
        ret

CASE pae-switch-under-paging
        /* CR4.PAE changes while paging is on: the tables are read as the other kind at once. */
        call    enter_pae
        call    leave_pae
        call    enter_pae
        mov     $0xA0, %eax
        mov     %eax, %cr4
        mov     $0x30, %eax
        mov     %eax, %cr4
        call    leave_pae
        ret
        .section .note.GNU-stack, "", @progbits
