/* Descriptor tables, interrupt controllers and timer; exceptions and timer interrupts, counted. */
#include "kernel.h"

#define PIC1 0x20
#define PIC2 0xA0
#define PIT 0x40
#define PIT_COUNT 1193                  /* about a millisecond */
#define READ_REQUESTS 0x0A
#define END_OF_INTERRUPT 0x20

#define GATE_KERNEL 0x8E00              /* interrupt gate, ring 0 */
#define GATE_USER 0xEE00                /* interrupt gate, ring 3 */
#define TSS_SIZE 104
#define EXCEPTIONS 32
#define STUB_SIZE 8

/* set_gate(eax = vector, edx = handler, ecx = type) */
FUNCTION set_gate, .init.text
        lea     idt(, %eax, 8), %eax
        mov     %dx, (%eax)
        movw    $KERNEL_CS, 2(%eax)
        mov     %cx, 4(%eax)
        shr     $16, %edx
        mov     %dx, 6(%eax)
        ret
END_FUNCTION set_gate

.macro GATE vector, handler, type=GATE_KERNEL
        mov     $\vector, %eax
        mov     $\handler, %edx
        mov     $\type, %ecx
        call    set_gate
.endm

FUNCTION setup_descriptors, .init.text
        push    %ebx
        lgdt    gdt_pointer
        ljmp    $KERNEL_CS, $1f
1:      mov     $KERNEL_DS, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %fs
        mov     %eax, %gs
        mov     %eax, %ss

        xor     %ebx, %ebx              /* every exception has a stub that names it */
2:      lea     exception_stubs(, %ebx, STUB_SIZE), %edx
        mov     %ebx, %eax
        mov     $GATE_KERNEL, %ecx
        call    set_gate
        inc     %ebx
        cmp     $EXCEPTIONS, %ebx
        jb      2b
        GATE    3, breakpoint_handler
        GATE    6, invalid_opcode_handler
        GATE    TIMER_VECTOR, timer_handler
        GATE    TIMER_VECTOR + 7, spurious_handler
        GATE    TIMER_VECTOR + 15, spurious_handler
        GATE    SYSCALL_VECTOR, syscall_handler, GATE_USER
        lidt    idt_pointer

        movl    $KERNEL_DS, tss + 8     /* SS0; ESP0 is set on the way to user mode */
        movw    $TSS_SIZE, tss + 102    /* no I/O bitmap */
        mov     $tss, %eax
        mov     %eax, %ecx
        shl     $16, %eax
        mov     $TSS_SIZE - 1, %ax
        mov     %eax, gdt_tss
        mov     %ecx, %eax
        shr     $16, %eax
        mov     %al, %cl                /* descriptor bytes 4..7: base 23-16, type 89h, 0, base 31-24 */
        movzbl  %al, %edx
        and     $0xFF00, %eax
        shl     $16, %eax
        or      %edx, %eax
        or      $0x8900, %eax
        mov     %eax, gdt_tss + 4
        mov     $TSS_SELECTOR, %eax
        ltr     %ax
        xor     %eax, %eax
        lldt    %ax
        pop     %ebx
        ret
END_FUNCTION setup_descriptors

.macro OUT_BYTE value, port
        mov     $\value, %al
        out     %al, $\port
.endm

/* Interrupts 0-15 become vectors 20h-2Fh; only the timer is unmasked. */
FUNCTION setup_interrupts, .init.text
        OUT_BYTE 0x11, PIC1
        OUT_BYTE 0x11, PIC2
        OUT_BYTE TIMER_VECTOR, PIC1 + 1
        OUT_BYTE TIMER_VECTOR + 8, PIC2 + 1
        OUT_BYTE 0x04, PIC1 + 1
        OUT_BYTE 0x02, PIC2 + 1
        OUT_BYTE 0x01, PIC1 + 1
        OUT_BYTE 0x01, PIC2 + 1
        OUT_BYTE 0xFE, PIC1 + 1
        OUT_BYTE 0xFF, PIC2 + 1
        OUT_BYTE 0x34, PIT + 3           /* channel 0, rate generator */
        OUT_BYTE PIT_COUNT & 0xFF, PIT
        OUT_BYTE PIT_COUNT >> 8, PIT
        ret
END_FUNCTION setup_interrupts

        .section .text, "ax", @progbits
        .balign 16
exception_stubs:
vector = 0
        .rept   EXCEPTIONS
        .balign STUB_SIZE, 0x90
        pushl   $vector
        jmp     exception_common
vector = vector + 1
        .endr

        .globl  exception_common
        .type   exception_common, @function
exception_common:
        pop     %esi
        STRING  %eax, "tiny: FAIL unexpected exception "
        call    print
        mov     %esi, %eax
        call    print_decimal
        STRING  %eax, "\nprevirt-guest: done\n"
        call    print
        call    halt_forever
        .size   exception_common, . - exception_common

        .type   breakpoint_handler, @function
breakpoint_handler:
        incl    breakpoints
        iret
        .size   breakpoint_handler, . - breakpoint_handler

        .type   invalid_opcode_handler, @function
invalid_opcode_handler:
        incl    invalid_opcodes
        addl    $2, (%esp)              /* behind the ud2 */
        iret
        .size   invalid_opcode_handler, . - invalid_opcode_handler

        .type   timer_handler, @function
timer_handler:
        push    %eax
        incl    ticks
        mov     $END_OF_INTERRUPT, %al
        out     %al, $PIC1
        pop     %eax
        iret
        .size   timer_handler, . - timer_handler

        .type   spurious_handler, @function
spurious_handler:
        iret
        .size   spurious_handler, . - spurious_handler

FUNCTION check_exceptions
        int3
        int3
        cmpl    $2, breakpoints
        CHECK   "exceptions: breakpoints return", e
        ud2
        cmpl    $1, invalid_opcodes
        CHECK   "exceptions: an invalid opcode is skipped", e
        ret
END_FUNCTION check_exceptions

/* Idles until five timer interrupts have come; gives up after a thousand wake-ups. */
FUNCTION check_timer_idle
        push    %ebx
        mov     $1000, %ebx
        cli
        movl    $0, ticks
1:      cli
        cmpl    $5, ticks
        jae     2f
        dec     %ebx
        jz      2f
        sti
        hlt
        jmp     1b
2:      cmpl    $5, ticks
        CHECK   "timer: five interrupts while idle", ae
        pop     %ebx
        ret
END_FUNCTION check_timer_idle

/* With interrupts off, one that is requested waits; behind sti it comes. */
FUNCTION check_timer_masked
        push    %ebx
        push    %esi
        cli
        mov     ticks, %esi
        mov     $100000000, %ebx
        OUT_BYTE READ_REQUESTS, PIC1
1:      in      $PIC1, %al
        test    $1, %al
        jnz     2f
        dec     %ebx
        jnz     1b
2:      test    %ebx, %ebx
        CHECK   "timer: requests an interrupt", nz
        cmp     ticks, %esi
        CHECK   "timer: waits while interrupts are off", e
        mov     $100000000, %ebx
        sti
3:      cmp     ticks, %esi
        jne     4f
        dec     %ebx
        jnz     3b
4:      cli
        cmp     ticks, %esi
        CHECK   "timer: comes behind sti", ne
        pop     %esi
        pop     %ebx
        ret
END_FUNCTION check_timer_masked

        .section .data, "aw", @progbits
        .balign 8
        .word   0
idt_pointer:
        .word   256 * 8 - 1
        .long   idt

        .section .bss, "aw", @nobits
        .balign 8
        .globl  idt, tss
idt:
        .fill   256 * 8
tss:
        .fill   TSS_SIZE
ticks:
        .fill   4
breakpoints:
        .fill   4
invalid_opcodes:
        .fill   4
        .section .note.GNU-stack, "", @progbits
