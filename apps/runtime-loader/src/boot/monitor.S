/* The monitor inside the boot image, and the jump to it. */
#include "layout.h"

        .section .text
        .globl  enter_monitor
enter_monitor:
        mov     $MONITOR_PHYSICAL, %eax
        jmp     *%eax

        .section .monitor, "a", @progbits
        .incbin MONITOR_BLOB
        .section .note.GNU-stack, "", @progbits
