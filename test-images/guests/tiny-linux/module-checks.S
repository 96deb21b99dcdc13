/*
 * A kernel module as Linux loads one: copied to where it runs, relocated, then handed to `module_finalize` with its section headers.
 * None of its code was in the kernel's text, so what it does to the interrupt flag and what it sees of the processor are the
 * check of whoever rewrites modules.
 */
#include "kernel.h"

#define SECTION_SIZE 40
#define ALLOC 2
#define EXECINSTR 4

/* Changes code of the module, as the kernel puts alternatives in place: what runs is what is there behind it. */
FUNCTION module_finalize
        cmpl    $module_sections, %edx
        jne     1f
        movl    $0xC3589C90, module_place + (module_altered - module_image)     /* nop, pushf, pop %eax, ret */
        movl    $0xC3C03190, module_place + (module_unaltered - module_image)   /* nop, xor %eax, %eax, ret */
1:      xor     %eax, %eax
        ret
END_FUNCTION module_finalize

/* load_module(eax = image, edx = size, ecx = section headers) */
FUNCTION load_module
        push    %esi
        push    %edi
        push    %ebx
        mov     %eax, %esi
        mov     %ecx, %ebx
        mov     $module_place, %edi
        mov     %edx, %ecx
        rep movsb
        mov     $module_header, %eax
        mov     %ebx, %edx
        mov     $module_place, %ecx
        call    module_finalize
        pop     %ebx
        pop     %edi
        pop     %esi
        ret
END_FUNCTION load_module

.macro IN_MODULE name
        mov     $module_place + (\name - module_image), %ecx
        call    *%ecx
.endm

FUNCTION check_modules
        push    %ebx
        cli
        mov     $module_image, %eax
        mov     $module_end - module_image, %edx
        mov     $module_sections, %ecx
        call    load_module
        test    %eax, %eax
        CHECK   "modules: loaded", z

        IN_MODULE module_flags
        test    $IF, %eax
        CHECK   "modules: pushf with interrupts off", z
        sti
        nop
        IN_MODULE module_flags
        cli
        test    $IF, %eax
        CHECK   "modules: pushf with interrupts on", nz
        sti
        nop
        IN_MODULE module_save
        test    $IF, %eax
        CHECK   "modules: an interrupt-save sees that they were on", nz
        pushf
        pop     %edx
        test    $IF, %edx
        CHECK   "modules: an interrupt-save turns them off", z
        mov     $IF | 2, %eax
        IN_MODULE module_restore
        pushf
        cli
        pop     %eax
        test    $IF, %eax
        CHECK   "modules: popf turns them on", nz
        sti
        mov     $2, %eax
        IN_MODULE module_restore
        pushf
        pop     %eax
        test    $IF, %eax
        CHECK   "modules: popf turns them off", z
        IN_MODULE module_altered
        test    $IF, %eax
        CHECK   "modules: code that was put in place while loading", z
        IN_MODULE module_unaltered
        test    %eax, %eax
        CHECK   "modules: code that was taken away while loading", z
        IN_MODULE module_constant
        cmp     $0x9D9C9D9C, %eax
        CHECK   "modules: a number that looks like instructions", e
        cmpl    $0x9C9C9C9C, module_place + (module_data - module_image)
        CHECK   "modules: data between functions", e

        IN_MODULE module_code_segment
        movzwl  %ax, %eax               /* processors differ in the upper half */
        cmp     $KERNEL_CS, %eax
        CHECK   "modules: the code segment's privilege", e
        IN_MODULE module_stack_segment
        movzwl  %ax, %eax
        cmp     $KERNEL_DS, %eax
        CHECK   "modules: the stack segment's privilege", e
        IN_MODULE module_task
        cmp     $TSS_SELECTOR, %eax
        CHECK   "modules: the task register", e
        sidt    module_word
        mov     module_word + 2, %ebx
        IN_MODULE module_interrupt_table
        cmp     %ebx, %eax
        CHECK   "modules: the interrupt table", e
        IN_MODULE module_interrupt_return
        cmp     $77, %eax
        CHECK   "modules: iret to itself", e

        /* Another module in its place, which halts where the first one had a pushf. */
        mov     $other_image, %eax
        mov     $other_end - other_image, %edx
        mov     $other_sections, %ecx
        call    load_module
        mov     %esp, %ebx
        call    module_place
        cmp     %esp, %ebx
        CHECK   "modules: another one in the same place", e
        cli
        pop     %ebx
        ret
END_FUNCTION check_modules

/* Symbols have the address that the code will have. */
.macro SYMBOL name, size, type=2
        .long   0, module_place + (\name - module_image), \size
        .byte   0x10 + \type, 0
        .word   1
.endm
.macro SECTION type, flags, address, size
        .long   0, \type, \flags, \address, 0, \size, 0, 0, 1, 0
.endm

        .section .data, "aw", @progbits
        .balign 16
module_image:
module_flags:
        pushf
        pop     %eax
        ret
module_save:
        pushf
        pop     %eax
        cli
        ret
module_restore:
        push    %eax
        popf
        ret
module_altered:
        .byte   0x90, 0x90, 0x90, 0xC3
module_unaltered:
        nop
        pushf
        pop     %eax
        ret
module_constant:
        mov     $0x9D9C9D9C, %eax
        ret
module_data:
        .long   0x9C9C9C9C
module_code_segment:
        push    %cs
        pop     %eax
        ret
module_stack_segment:
        mov     %ss, %eax
        ret
module_task:
        xor     %eax, %eax
        str     %ax
        ret
module_interrupt_table:
        sub     $8, %esp
        sidt    (%esp)
        mov     2(%esp), %eax
        add     $8, %esp
        ret
module_interrupt_return:
        mov     $77, %eax
        pushf
        push    %cs
        call    1f
        ret
1:      iret
module_end:

other_image:
        sti
        hlt
        cli
        ret
other_end:

        .balign 4
module_header:
        .ascii  "\177ELF"
        .byte   1, 1, 1
        .fill   9
        .word   1, 3
        .long   1, 0, 0, 0, 0
        .word   52, 0, 0, SECTION_SIZE, 4, 0
module_sections:
        SECTION 0, 0, 0, 0
        SECTION 1, ALLOC + EXECINSTR, module_place, (module_end - module_image)
        SECTION 1, ALLOC, module_word, 8
        SECTION 2, 0, module_symbols, (module_symbols_end - module_symbols)
other_sections:
        SECTION 0, 0, 0, 0
        SECTION 1, ALLOC + EXECINSTR, module_place, (other_end - other_image)
        SECTION 1, ALLOC, module_word, 8
        SECTION 2, 0, other_symbols, 16
module_symbols:
        .long   0, 0, 0, 0
        SYMBOL  module_flags, (module_save - module_flags)
        SYMBOL  module_save, (module_restore - module_save)
        SYMBOL  module_save, (module_restore - module_save)         /* another name */
        SYMBOL  module_restore, (module_altered - module_restore)
        SYMBOL  module_altered, (module_unaltered - module_altered)
        SYMBOL  module_unaltered, (module_constant - module_unaltered)
        SYMBOL  module_constant, (module_data - module_constant)
        SYMBOL  module_data, (module_code_segment - module_data), 1
        SYMBOL  module_code_segment, (module_stack_segment - module_code_segment)
        SYMBOL  module_stack_segment, (module_task - module_stack_segment)
        SYMBOL  module_task, (module_interrupt_table - module_task)
        SYMBOL  module_interrupt_table, (module_interrupt_return - module_interrupt_table)
        SYMBOL  module_interrupt_return, (module_end - module_interrupt_return)
module_symbols_end:
other_symbols:
        SYMBOL  module_image, 4

        .section .bss, "aw", @nobits
        .balign 16
module_place:
        .fill   256
module_word:
        .fill   8
        .section .note.GNU-stack, "", @progbits
