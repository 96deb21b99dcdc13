/* Port input and output in all widths. */
#include "kernel.h"

#define SCRATCH 0x3FF                   /* COM1's scratch register */
#define PCI_ADDRESS 0xCF8
#define PCI_DATA 0xCFC
#define PCI_FIRST 0x80000000            /* vendor and device of 00:00.0 */

FUNCTION check_ports
        push    %ebx
        mov     $SCRATCH, %edx
        mov     $0x5A, %al
        out     %al, %dx
        mov     $0x12345600, %eax
        in      %dx, %al
        cmp     $0x1234565A, %eax
        CHECK   "ports: a byte in leaves the rest of EAX", e
        mov     $0xABCD0000 | SCRATCH, %edx
        mov     $0xA5, %al
        out     %al, %dx
        in      %dx, %al
        cmp     $0xA5, %al
        CHECK   "ports: the upper half of EDX does not matter", e

        in      $0x21, %al              /* the interrupt controller's mask */
        mov     %al, %bl
        mov     $0xFB, %al
        out     %al, $0x21
        xor     %eax, %eax
        in      $0x21, %al
        cmp     $0xFB, %eax
        mov     %bl, %al
        setne   %bl
        out     %al, $0x21
        test    %bl, %bl
        CHECK   "ports: immediate ports", z

        mov     $PCI_ADDRESS, %edx
        mov     $PCI_FIRST, %eax
        out     %eax, %dx
        xor     %eax, %eax
        in      %dx, %eax
        cmp     $-1, %eax               /* no PCI: nobody remembers what was written */
        je      1f
        cmp     $PCI_FIRST, %eax
1:      CHECK   "ports: four bytes out and in", e
        mov     $PCI_DATA, %edx
        in      %dx, %eax
        mov     %eax, %ebx
        mov     $0x77770000, %eax
        in      %dx, %ax
        mov     %ebx, %ecx
        and     $0xFFFF, %ecx
        or      $0x77770000, %ecx
        cmp     %ecx, %eax
        CHECK   "ports: two bytes in leave the rest of EAX", e

        mov     $0x80, %edx             /* the POST code port swallows everything */
        mov     $0x1234, %eax
        out     %ax, %dx
        cmp     $0x1234, %eax
        CHECK   "ports: two bytes out", e
        pop     %ebx
        ret
END_FUNCTION check_ports

FUNCTION check_string_output
        push    %esi
        STRING  %esi, "abc"
        mov     $3, %ecx
        mov     $SCRATCH, %edx
        rep outsb
        in      %dx, %al
        cmp     $'c', %al
        CHECK   "ports: string output", e
        pop     %esi
        ret
END_FUNCTION check_string_output
        .section .note.GNU-stack, "", @progbits
