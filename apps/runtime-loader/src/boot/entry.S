/*
 * Entry by a multiboot 1 loader, and exit into the kernel by the 32-bit Linux boot protocol.
 * State at entry (Multiboot 0.6.96, 3.2): protected mode, paging and interrupts off, EAX = 2BADB002h, EBX = information.
 */
#define MULTIBOOT_MAGIC 0x1BADB002
#define MULTIBOOT_FLAGS 3               /* modules at page boundaries, memory information */
#define STACK_SIZE 16384

        .section .multiboot, "a"
        .balign 4
        .long   MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

        .section .text
        .globl  start
start:
        cli
        cld
        mov     %eax, %edx
        mov     $bss_start, %edi        /* not every loader zeroes memory */
        mov     $bss_words, %ecx
        xor     %eax, %eax
        rep stosl
        mov     $stack_top, %esp
        push    %ebx
        push    %edx
        call    boot                    /* boot(magic, information): never returns */

        .globl  halt
halt:
        cli
1:      hlt
        jmp     1b

/* enter_kernel(entry, boot_params, gdt): Documentation/x86/boot.rst, "32-bit boot protocol". */
        .globl  enter_kernel
enter_kernel:
        mov     4(%esp), %eax
        mov     8(%esp), %esi
        mov     12(%esp), %edx
        lgdt    (%edx)
        mov     $0x18, %ecx
        mov     %ecx, %ds
        mov     %ecx, %es
        mov     %ecx, %fs
        mov     %ecx, %gs
        mov     %ecx, %ss
        xor     %ebp, %ebp
        xor     %edi, %edi
        xor     %ebx, %ebx
        ljmp    $0x10, $1f
1:      jmp     *%eax

        .section .resident, "a"
        .balign 16
        .globl  resident_image, resident_image_end
resident_image:
        .incbin RESIDENT_BLOB
resident_image_end:

/* Room in the file for the stub templates, which are put here after the build. */
        .section .previrt.templates, "a", @progbits
        .balign 4096
        .globl  template_room, template_room_end
template_room:
        .fill   TEMPLATE_ROOM
template_room_end:

        .section .bss
        .balign 16
        .fill   STACK_SIZE
stack_top:
        .section .note.GNU-stack, "", @progbits
