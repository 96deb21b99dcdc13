/* Page tables that change under the shadow tables: what the guest sees has to be what hardware would show. */
#include "hostile.h"

#define A 0x20
#define D 0x40

CASE stale-entry
        movl    $0x1111, pages
        movl    $0x2222, pages + 4096
        PTE     PA(pages), P + RW
        cmpl    $0x1111, SCRATCH
        CHECK   e
        movl    $PA(pages) + 4096 + P + RW, scratch_table       /* no invlpg: old or new */
        mov     SCRATCH, %eax
        cmp     $0x1111, %eax
        je      1f
        cmp     $0x2222, %eax
        CHECK   e
1:      invlpg  SCRATCH
        cmpl    $0x2222, SCRATCH
        CHECK   e
        movl    $PA(pages) + P + RW, scratch_table
        FLUSH
        cmpl    $0x1111, SCRATCH
        CHECK   e
        ret

CASE rights-taken-away
        PTE     PA(pages), P + RW
        movl    $1, SCRATCH
        PTE     PA(pages), P
        FAULTS  14, 3, movl $2, SCRATCH
        PTE     PA(pages), 0
        FAULTS  14, 0, mov SCRATCH, %eax
        FAULTS  14, 2, mov %eax, SCRATCH
        PTE     PA(pages), P + RW
        movl    $3, SCRATCH
        movl    $PA(scratch_table) + P, SCRATCH_ENTRY           /* read-only for the directory */
        FLUSH
        FAULTS  14, 3, movl $2, SCRATCH
        movl    $0, SCRATCH_ENTRY
        FLUSH
        FAULTS  14, 0, mov SCRATCH, %eax
        cmpl    $3, pages
        CHECK   e
        ret

CASE user-rights
        PTE     PA(pages), P + RW
        AS_USER 1f
        CAUGHT  14, 5, SCRATCH
        AS_USER 2f
        CAUGHT  14, 7, SCRATCH
        PTE     PA(pages), P + US
        AS_USER 2f
        CAUGHT  14, 7, SCRATCH
        PTE     PA(pages), P + RW + US
        AS_USER 2f
        CAUGHT  0x80
        movl    $PA(scratch_table) + P + RW, SCRATCH_ENTRY
        FLUSH
        AS_USER 1f
        CAUGHT  14, 5, SCRATCH
        AS_USER 3f                      /* the kernel's own page */
        CAUGHT  14, 5, 0xC1000000
        ret
1:      mov     SCRATCH, %eax
        int     $0x80
2:      movl    $5, SCRATCH
        int     $0x80
3:      mov     0xC1000000, %eax
        int     $0x80

CASE accessed-and-dirty
        PTE     PA(pages), P + RW
        mov     SCRATCH, %eax
        mov     scratch_table, %eax
        and     $A + D, %eax
        cmp     $A, %eax
        CHECK   e
        movl    $1, SCRATCH
        testl   $D, scratch_table
        CHECK   nz
        testl   $A, SCRATCH_ENTRY
        CHECK   nz
        andl    $~(A + D), scratch_table
        invlpg  SCRATCH
        movl    $2, SCRATCH
        mov     scratch_table, %eax
        and     $A + D, %eax
        cmp     $A + D, %eax
        CHECK   e
        ret

CASE bits-into-read-only-table
        /* The page table itself is mapped read-only everywhere: the processor sets bits all the same. */
        movl    $PA(other_table) + P + RW, SCRATCH_ENTRY
        movl    $PA(pages) + P + RW, other_table
        FLUSH
        movl    $7, SCRATCH
        testl   $D, other_table
        CHECK   nz
        ret

CASE write-protect-off
        PTE     PA(pages), P
        FAULTS  14, 3, movl $1, SCRATCH
        mov     %cr0, %eax
        and     $~0x10000, %eax
        mov     %eax, %cr0
        movl    $0x77, SCRATCH
        cmpl    $0x77, pages
        CHECK   e
        mov     %cr0, %eax
        or      $0x10000, %eax
        mov     %eax, %cr0
        FAULTS  14, 3, movl $1, SCRATCH
        ret

CASE page-table-maps-itself
        PTE     PA(scratch_table), P + RW
        movl    $PA(pages) + P + RW, SCRATCH + 4
        invlpg  SCRATCH + 4096
        movl    $0x99, pages
        cmpl    $0x99, SCRATCH + 4096
        CHECK   e
        movl    $0, SCRATCH + 4
        invlpg  SCRATCH + 4096
        FAULTS  14, 0, mov SCRATCH + 4096, %eax
        ret

CASE one-frame-in-every-role
        /* Directory, page table, page, part of a large page: at once. */
        movl    $PA(swapper_pg_dir) + P + RW, SCRATCH_ENTRY
        FLUSH
        mov     SCRATCH + 0x1000, %eax
        movl    $0, SCRATCH + 0x1000
        movl    $PA(swapper_pg_dir) + P + RW, swapper_pg_dir + 500 * 4
        movl    $PA(scratch_table) + P + RW, SCRATCH_ENTRY
        FLUSH
        mov     500 * 0x400000, %eax
        ret

CASE entry-changes-under-the-emulator
        /* What the monitor reads for an instruction crosses into a page that is gone. */
        PTE     PA(pages), P + RW
        movl    $0, scratch_table + 4
        FLUSH
        movb    $0x0F, SCRATCH + 0xFFF  /* mov %cr0, %eax */
        mov     $SCRATCH + 0xFFF, %eax
        FAULTS  14, 0, jmp *%eax
        cmpl    $SCRATCH + 0x1000, caught_address
        CHECK   e
        movb    $0xEA, SCRATCH + 0xFFE  /* ljmp */
        mov     $SCRATCH + 0xFFE, %eax
        FAULTS  14, 0, jmp *%eax
        FAULTS  14, 0, lgdt SCRATCH + 0xFFC
        FAULTS  14, 2, sgdt SCRATCH + 0xFFC
        FAULTS  14, 0, lss SCRATCH + 0xFFE, %eax
        FAULTS  14, 0, ljmp *SCRATCH + 0xFFC
        ret

CASE many-tables
        /* More page tables than the monitor has shadow tables for, by several directories. */
        mov     $8, %ebx
1:      mov     $pages, %edi
        mov     $4096, %ecx
        mov     $P + RW, %eax
        rep stosl
        mov     $256 + 100, %ecx
2:      mov     %ecx, %eax
        imul    $4096, %eax
        add     $0x200000, %eax
        imul    $4096 * 4, %ebx, %edx
        add     %edx, %eax
        and     $0x7FF000, %eax         /* any memory below 8 MB will do */
        or      $P + RW, %eax
        mov     %eax, swapper_pg_dir(, %ecx, 4)
        inc     %ecx
        cmp     $760, %ecx
        jb      2b
        FLUSH
        mov     $256 + 100, %ecx
3:      mov     %ecx, %eax
        shl     $22, %eax
        TRY
        mov     (%eax), %edx
        TRIED
        inc     %ecx
        cmp     $760, %ecx
        jb      3b
        dec     %ebx
        jnz     1b
        ret

CASE flat-and-back
        /* Paging off and on again: every table is forgotten. */
        mov     $16, %ebx
        mov     $PA(1f), %eax
        jmp     *%eax
1:      mov     %cr0, %eax
        and     $0x7FFFFFFF, %eax
        mov     %eax, %cr0
        mov     MONITOR_FRAME, %ecx
        movl    $0, MONITOR_FRAME
        or      $0x80000000, %eax
        mov     %eax, %cr0
        dec     %ebx
        jnz     1b
        mov     $2f, %eax
        jmp     *%eax
2:      ret

        .section .note.GNU-stack, "", @progbits
