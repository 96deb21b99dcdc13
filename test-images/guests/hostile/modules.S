/* Modules that are none: the monitor looks at their headers when the guest says that one has been loaded. */
#include "hostile.h"

#define ALLOC 2
#define EXECINSTR 4
#define SYMBOLS 2                       /* section type */
#define TRAP_OFFSET 7                   /* of the trap behind what the call leads to */

FUNCTION module_finalize
        xor     %eax, %eax
        ret
END_FUNCTION module_finalize

/* load(eax = ELF header, edx = section headers) */
FUNCTION load
finalize_call:
        call    module_finalize
        ret
END_FUNCTION load

/* EAX: where the guest stops behind module_finalize. */
FUNCTION find_trap
        mov     finalize_call + 1, %eax
        add     $finalize_call + 5 + TRAP_OFFSET, %eax
        ret
END_FUNCTION find_trap

.macro LOADS header, sections
        TRY
        mov     $\header, %eax
        mov     $\sections, %edx
        call    load
        TRIED
        NOTHING
.endm
.macro SECTION_IS type, flags, address, size
        movl    $\type, sections + 40 + 4
        movl    $\flags, sections + 40 + 8
        movl    $\address, sections + 40 + 12
        movl    $\size, sections + 40 + 20
.endm
.macro SYMBOLS_ARE address, size
        movl    $SYMBOLS, sections + 80 + 4
        movl    $\address, sections + 80 + 12
        movl    $\size, sections + 80 + 20
.endm
.macro FUNCTION_IS address, size
        movl    $\address, symbols + 16 + 4
        movl    $\size, symbols + 16 + 8
        movl    $0x00010012, symbols + 16 + 12  /* a global function of section 1 */
        SYMBOLS_ARE symbols, 32
.endm

CASE module-headers-anywhere
        LOADS   0, sections
        LOADS   NOWHERE, sections
        LOADS   MONITOR, sections
        LOADS   (MONITOR - 20), (MONITOR - 20)
        LOADS   0xFFFFFFFF, 0xFFFFFFFF
        LOADS   0xC0F00000, 0xC0F00000
        LOADS   elf_header, 0
        LOADS   elf_header, NOWHERE
        LOADS   elf_header, MONITOR
        LOADS   elf_header, (MONITOR - 60)
        LOADS   elf_header, 0xFFFFFFF0
        LOADS   elf_header, elf_header
        movw    $0xFFFF, elf_header + 48
        LOADS   elf_header, sections
        LOADS   elf_header, 0xC0000000
        movw    $3, elf_header + 48
        ret

CASE module-tables-anywhere
        SECTION_IS 1, (ALLOC + EXECINSTR), 0, 0xFFFFFFFF
        SYMBOLS_ARE MONITOR, 0xFFFFFFFF
        LOADS   elf_header, sections
        SYMBOLS_ARE NOWHERE, 0x1000
        LOADS   elf_header, sections
        SYMBOLS_ARE 0xFFFFFFF8, 0xFFFFFFFF
        LOADS   elf_header, sections
        SYMBOLS_ARE 0xC0000000, 0x400000
        LOADS   elf_header, sections
        ret

CASE module-functions-anywhere
        SECTION_IS 1, (ALLOC + EXECINSTR), 0, 0xFFFFFFFF
        FUNCTION_IS MONITOR, 0x1000
        LOADS   elf_header, sections
        FUNCTION_IS (MONITOR - 4), 8
        LOADS   elf_header, sections
        FUNCTION_IS NOWHERE, 0x1000
        LOADS   elf_header, sections
        FUNCTION_IS 0xFFFFFFF0, 0x20
        LOADS   elf_header, sections
        FUNCTION_IS 0xC0000000, 0xF0000000
        LOADS   elf_header, sections
        FUNCTION_IS pages, 1                    /* a cpuid that does not end */
        movb    $0x0F, pages
        movb    $0xA2, pages + 1
        LOADS   elf_header, sections
        cmpw    $0xA20F, pages
        CHECK   e
        FUNCTION_IS pages, 2
        LOADS   elf_header, sections
        cmpw    $0xA2F4, pages
        CHECK   e
        movl    $2, symbols + 16 + 12           /* of section 0 */
        movb    $0x0F, pages
        LOADS   elf_header, sections
        cmpw    $0xA20F, pages
        CHECK   e
        FUNCTION_IS pages, 2
        movw    $0x7FFF, symbols + 16 + 14      /* of a section that is not there */
        LOADS   elf_header, sections
        cmpw    $0xA20F, pages
        CHECK   e
        SECTION_IS 1, ALLOC, pages, 2           /* of data */
        FUNCTION_IS pages, 2
        LOADS   elf_header, sections
        cmpw    $0xA20F, pages
        CHECK   e
        ret

/* The kernel's own text as a module: its traps and its instructions stay what they are. */
CASE module-over-the-kernel
        SECTION_IS 1, (ALLOC + EXECINSTR), restore_machine, 0x1000
        FUNCTION_IS restore_machine, 0x1000
        LOADS   elf_header, sections
        SECTION_IS 1, (ALLOC + EXECINSTR), popping, 4
        FUNCTION_IS popping, 4
        LOADS   elf_header, sections
        LOADS   elf_header, sections
        push    $0x0AD7
        call    popping
        pushf
        pop     %eax
        and     $0x0AD5, %eax
        cmp     $0x0AD5, %eax
        CHECK   e
        SECTION_IS 1, ALLOC, 0, 0
        ret
        .type   popping, @function
popping:
        pop     %eax
        popf
        jmp     *%eax
        .size   popping, . - popping

/* More sites than the monitor has room for, again and again. */
CASE module-of-too-many-sites
        SECTION_IS 1, (ALLOC + EXECINSTR), pages, 0x4000
        mov     $pages, %edi
        mov     $0x4000, %ecx
        mov     $0x9D, %al
        rep stosb
        mov     $many_symbols, %edi
        mov     $pages, %eax
        mov     $32, %ecx
1:      movl    $0, (%edi)
        mov     %eax, 4(%edi)
        movl    $0x200, 8(%edi)
        movl    $0x00010012, 12(%edi)
        add     $0x200, %eax
        add     $16, %edi
        loop    1b
        SYMBOLS_ARE many_symbols, 512
        LOADS   elf_header, sections
        LOADS   elf_header, sections
        cmpb    $0xF4, pages
        CHECK   e
        mov     $pages, %edi            /* they are overwritten: their rows mean nothing any more */
        mov     $0x4000 / 4, %ecx
        mov     $0x90909090, %eax
        rep stosl
        movw    $0xC3F4, pages          /* but for a halt, which is taken for the first of them */
        FUNCTION_IS other_code, 2
        SECTION_IS 1, (ALLOC + EXECINSTR), other_code, 2
        movw    $0xA20F, other_code
        LOADS   elf_header, sections
        cmpw    $0xA2F4, other_code
        CHECK   e
        ret

/* The trap at any other time. */
CASE module-trap-by-itself
        call    find_trap
        mov     %eax, %ebx
        push    $1f
        push    $MONITOR
        push    $MONITOR
        xor     %eax, %eax
        jmp     *%ebx
1:      push    $2f
        push    $NOWHERE
        push    $NOWHERE
        mov     $-12, %eax              /* the kernel refused the module */
        jmp     *%ebx
2:      ret

/* There, the stack is not: neither arguments nor the exception that this makes can be had. */
ENDING module-trap-without-stack, "triple fault"
        call    find_trap
        mov     $NOWHERE, %esp
        jmp     *%eax

        .data
        .balign 4
elf_header:
        .ascii  "\177ELF"
        .byte   1, 1, 1
        .fill   9
        .word   1, 3
        .long   1, 0, 0, 0, 0
        .word   52, 0, 0, 40, 3, 0
sections:
        .fill   120
symbols:
        .fill   32
other_code: .long 0
        .section .bss, "aw", @nobits
        .balign 4
many_symbols: .fill 512
        .section .note.GNU-stack, "", @progbits
