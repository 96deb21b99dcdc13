/*
 * From the entry of the 32-bit boot protocol to the first function at a virtual address: segments, .bss, a copy of
 * what the loader handed over, page tables that map low memory twice, paging.
 */
#include "kernel.h"

#define BOOT_PARAMS_WORDS 1024
#define CMD_LINE_PTR 0x228
#define COMMAND_LINE_WORDS 512
#define LOW_MEMORY_TABLES 220           /* 880 MB in pages of 4 MB */
#define VIRTUAL_TABLES 768              /* page directory entry of PAGE_OFFSET */
#define STACK_SIZE 8192

        .section .head.text, "ax", @progbits
        .globl  startup_32
        .type   startup_32, @function
startup_32:
        cld
        cli
        /* What the protocol promises, for check_entry. */
        mov     %ebx, PA(entry_registers)
        mov     %ebp, PA(entry_registers + 4)
        mov     %edi, PA(entry_registers + 8)
        mov     %cs, PA(entry_segments)
        mov     %ds, PA(entry_segments + 2)

        lgdt    PA(boot_gdt_pointer)
        mov     $BOOT_DS, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %fs
        mov     %eax, %gs
        mov     %eax, %ss

        mov     $PA(__bss_start), %edi
        mov     $PA(__bss_stop), %ecx
        sub     %edi, %ecx
        shr     $2, %ecx
        xor     %eax, %eax
        rep stosl

        mov     $PA(boot_params), %edi
        mov     $BOOT_PARAMS_WORDS, %ecx
        rep movsl
        mov     PA(boot_params + CMD_LINE_PTR), %esi
        test    %esi, %esi
        jz      1f
        mov     $PA(boot_command_line), %edi
        mov     $COMMAND_LINE_WORDS, %ecx
        rep movsl
1:
        mov     $PAGE_PRESENT + PAGE_WRITABLE + PAGE_LARGE, %eax
        mov     $PA(swapper_pg_dir), %edi
        mov     $LOW_MEMORY_TABLES, %ecx
2:      mov     %eax, VIRTUAL_TABLES * 4(%edi)
        stosl
        add     $0x400000, %eax
        loop    2b

        mov     %cr4, %eax
        or      $CR4_PSE, %eax
        mov     %eax, %cr4
        mov     $PA(swapper_pg_dir), %eax
        mov     %eax, %cr3
        mov     %cr0, %eax
        or      $CR0_PG + CR0_WP, %eax
        mov     %eax, %cr0
        ljmp    $BOOT_CS, $3f
3:      mov     $init_stack_top, %esp
        call    start_kernel
        .size   startup_32, . - startup_32

/* Every function calls this first; it keeps all registers, as Linux's does. */
        .section .text, "ax", @progbits
        .globl  __fentry__
        .type   __fentry__, @function
__fentry__:
        ret
        .size   __fentry__, . - __fentry__

        .section .data, "aw", @progbits
        .balign 8
        .globl  gdt, gdt_tss, gdt_pointer
gdt:
        .quad   0, 0
        .quad   0x00cf9b000000ffff      /* 10h boot code */
        .quad   0x00cf93000000ffff      /* 18h boot data */
        .fill   8, 8, 0
        .quad   0x00cf9b000000ffff      /* 60h kernel code */
        .quad   0x00cf93000000ffff      /* 68h kernel data */
        .quad   0x00cffb000000ffff      /* 70h user code */
        .quad   0x00cff3000000ffff      /* 78h user data */
gdt_tss:
        .quad   0                       /* 80h, made by setup_descriptors */
        .word   0
gdt_pointer:
        .word   GDT_SIZE - 1
        .long   gdt
        .word   0
boot_gdt_pointer:
        .word   GDT_SIZE - 1
        .long   PA(gdt)

        .balign 4
        .globl  entry_registers, entry_segments
entry_registers:
        .long   -1, -1, -1
entry_segments:
        .word   -1, -1

        .section .bss.page_aligned, "aw", @nobits
        .balign 4096
        .globl  swapper_pg_dir, boot_params
swapper_pg_dir:
        .fill   4096
boot_params:
        .fill   4096
        .fill   STACK_SIZE
        .globl  init_stack_top
init_stack_top:

        .section .bss, "aw", @nobits
        .balign 4
        .globl  boot_command_line
boot_command_line:
        .fill   4 * COMMAND_LINE_WORDS
        .section .note.GNU-stack, "", @progbits
