/* The monitor's first bytes: the boot stage jumps here, and whoever reads the machine's memory finds the counts (docs/formats.md, "Monitor"). */
#include "layout.h"

#define SITE_TABLE_SIZE (8 + 4 * 256 + 4 * 256 + 12 * 16384)

        .section .header, "ax"
        .globl  monitor_header
monitor_header:
        jmp     monitor_start           /* the back end's, with a struct guest_start * on the stack */
        .balign 16
        .ascii  "PVMN"
        .word   1, 16
        .long   site_table - MONITOR_LINEAR + MONITOR_PHYSICAL, SITE_TABLE_SIZE
        .section .note.GNU-stack, "", @progbits
