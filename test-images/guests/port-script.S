/*
 * A guest that runs a script of port accesses and prints what they read: what a machine's devices do, to compare others
 * with. A multiboot 1 image; the script is its first module, a row of four bytes a step (operation, value, port):
 *
 *   0  out      the value to the port
 *   1  in       from the port: prints the byte
 *   2  take     lets in one interrupt, if one is pending: prints 1 and its vector, or 0 and 0
 *   3  wait     as many times 256 instructions as the port says
 *   4  end      through port F4h (QEMU: isa-debug-exit)
 *
 * It prints at port E9h (QEMU: isa-debugcon). Interrupts are off but in `take`.
 */
#define MULTIBOOT_MAGIC 0x1BADB002
#define MULTIBOOT_FLAGS 1
#define MODULES 24              /* offset in the multiboot information */
#define VECTORS 256
#define STUB_SIZE 16

        .text
        .long   MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)
        .globl  start
start:
        mov     $stack_top, %esp
        mov     MODULES(%ebx), %eax
        mov     (%eax), %esi            /* the script */
        lgdt    gdt_pointer
        ljmp    $8, $1f
1:      mov     $16, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss

        mov     $stubs, %eax
        mov     $idt, %edi
2:      movw    %ax, (%edi)
        movl    $0x8E000008, 2(%edi)    /* an interrupt gate through selector 8 */
        mov     %eax, %edx
        shr     $16, %edx
        movw    %dx, 6(%edi)
        add     $STUB_SIZE, %eax
        add     $8, %edi
        cmp     $idt_end, %edi
        jne     2b
        lidt    idt_pointer

step:   movzwl  2(%esi), %edx
        mov     1(%esi), %al
        movzbl  (%esi), %ecx
        add     $4, %esi
        jmp     *operations(, %ecx, 4)

write:  out     %al, %dx
        jmp     step

read:   in      %dx, %al
        out     %al, $0xE9
        jmp     step

take:   movw    $0, taken
        sti
        .fill   8, 1, 0x90
        cli
        mov     taken, %ax
        out     %al, $0xE9
        mov     %ah, %al
        out     %al, $0xE9
        jmp     step

wait:   test    %edx, %edx
        jz      step
3:      mov     $126, %ecx
        nop
4:      dec     %ecx
        jnz     4b
        dec     %edx
        jnz     3b
        jmp     step

end:    out     %al, $0xF4
        cli
        hlt

        .balign STUB_SIZE
stubs:
        .set    vector, 0
        .rept   VECTORS
        push    $vector
        jmp     interrupt
        .balign STUB_SIZE
        .set    vector, vector + 1
        .endr

interrupt:
        pop     %eax
        mov     %al, taken + 1
        movb    $1, taken
        andl    $~0x200, 8(%esp)        /* no more than one */
        iret

        .balign 8
operations:
        .long   write, read, take, wait, end
gdt:    .quad   0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF
gdt_pointer:
        .word   . - gdt - 1
        .long   gdt
idt_pointer:
        .word   8 * VECTORS - 1
        .long   idt

        .bss
        .balign 8
idt:    .skip   8 * VECTORS
idt_end:
taken:  .skip   4
        .skip   4096
stack_top:
        .section .note.GNU-stack, "", @progbits
