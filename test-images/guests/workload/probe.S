/*
 * Events met with every register and flag in use.
 *
 * void with_registers(const struct registers *in, struct registers *out, void (*event)(void)) loads all of `in`, goes
 * through the event, and stores what it finds. An event is a routine of one instruction that enters the kernel.
 * struct registers: EAX ECX EDX EBX ESP EBP ESI EDI, as PUSHA numbers them, and EFLAGS; ESP is found only.
 *
 * void with_floating(const struct floating *in, struct floating *out, void (*event)(void)) is the same for the x87 stack,
 * the XMM registers and both control words.
 */
#define FUNCTION(name) .globl name; .type name, @function; name:

        .bss
        .balign 4
event:  .skip 4
into:   .skip 4
stack:  .skip 4
found:  .skip 36

        .text
FUNCTION(with_registers)
        push    %ebx
        push    %esi
        push    %edi
        push    %ebp
        mov     28(%esp), %eax
        mov     %eax, event
        mov     24(%esp), %eax
        mov     %eax, into
        mov     20(%esp), %eax
        mov     %esp, stack
        pushl   32(%eax)
        popf                            /* nothing from here to the event changes a flag */
        mov     4(%eax), %ecx
        mov     8(%eax), %edx
        mov     12(%eax), %ebx
        mov     20(%eax), %ebp
        mov     24(%eax), %esi
        mov     28(%eax), %edi
        mov     (%eax), %eax
        call    *event
        mov     %eax, found
        mov     %ecx, found + 4
        mov     %edx, found + 8
        mov     %ebx, found + 12
        mov     %ebp, found + 20
        mov     %esi, found + 24
        mov     %edi, found + 28
        mov     %esp, %eax
        mov     stack, %esp             /* whatever the event did to it */
        pushf
        popl    found + 32
        cld
        sub     %esp, %eax              /* by how much it differs */
        mov     %eax, found + 16
        mov     into, %edi
        mov     $found, %esi
        mov     $9, %ecx
        rep     movsl
        pop     %ebp
        pop     %edi
        pop     %esi
        pop     %ebx
        ret

FUNCTION(with_floating)
        push    %ebx
        mov     8(%esp), %ebx
        fninit
        fldcw   (%ebx)
        ldmxcsr 4(%ebx)
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7
        movups  8 + 16 * \i(%ebx), %xmm\i
        fldt    136 + 10 * \i(%ebx)
        .endr
        call    *16(%esp)
        mov     12(%esp), %ebx
        fnstcw  (%ebx)
        movw    $0, 2(%ebx)
        stmxcsr 4(%ebx)
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7
        movups  %xmm\i, 8 + 16 * \i(%ebx)
        .endr
        .irp    i, 7, 6, 5, 4, 3, 2, 1, 0
        fstpt   136 + 10 * \i(%ebx)
        .endr
        pop     %ebx
        ret

/* The events. */
FUNCTION(event_none)
        ret
FUNCTION(event_interrupt_gate)
        int     $0x80
        ret
FUNCTION(event_vdso_gate)
        jmp     *vdso_gate
FUNCTION(event_spin)                    /* ECX rounds, without a change to a flag */
1:      loop    1b
        ret
FUNCTION(event_read)
        mov     (%eax), %eax
        ret
FUNCTION(event_write)
        mov     %ecx, (%eax)
        ret
FUNCTION(event_add)                     /* restarted after its fault, it must add once */
        lock
        xadd    %ecx, (%eax)
        ret
FUNCTION(event_execute)
        jmp     *%eax
FUNCTION(event_copy)                    /* a string instruction that faults on its way */
        rep     movsb
        ret

/* Each faults at its first byte; LENGTH_OF tells how much there is to skip. */
#define FAULT(name, ...) FUNCTION(fault_##name) __VA_ARGS__; .globl end_##name; end_##name: ret
FAULT(invalid, ud2)
FAULT(divide, divl zero)
FAULT(read, mov (%eax), %ecx)
FAULT(write, mov %ecx, (%eax))
FAULT(push, pushl (%eax))
FAULT(breakpoint, int3)
FAULT(overflow, into)
FAULT(vector, int $0x81)
FAULT(cli, cli)
FAULT(sti, sti)
FAULT(hlt, hlt)
FAULT(in, in $0x60, %al)
FAULT(in_dx, in %dx, %eax)
FAULT(out, out %al, $0x80)
FAULT(out_dx, out %ax, %dx)
FAULT(ins, insb)
FAULT(outs, outsb)
FAULT(read_cr0, mov %cr0, %eax)
FAULT(write_cr0, mov %eax, %cr0)
FAULT(read_cr3, mov %cr3, %ecx)
FAULT(write_cr3, mov %eax, %cr3)
FAULT(write_cr4, mov %eax, %cr4)
FAULT(read_debug, mov %db7, %eax)
FAULT(write_debug, mov %eax, %db7)
FAULT(clts, clts)
FAULT(lmsw, lmsw %ax)
FAULT(lgdt, lgdt zero)
FAULT(lidt, lidt zero)
FAULT(lldt, lldt %ax)
FAULT(ltr, ltr %ax)
FAULT(invlpg, invlpg (%eax))
FAULT(wbinvd, wbinvd)
FAULT(rdmsr, rdmsr)
FAULT(wrmsr, wrmsr)
FAULT(kernel_ss, mov %eax, %ss)

        .data
        .balign 8
zero:   .skip 8

        .section .note.GNU-stack, "", @progbits
