/* What the loader handed over: registers, zero page, command line, memory map, initrd. */
#include "kernel.h"

#define BOOT_FLAG 0x1FE
#define HEADER_MAGIC 0x202
#define VERSION 0x206
#define LOADER_TYPE 0x210
#define LOAD_FLAGS 0x211
#define RAMDISK_IMAGE 0x218
#define RAMDISK_SIZE 0x21C
#define E820_COUNT 0x1E8
#define E820_TABLE 0x2D0
#define E820_ENTRY 20
#define E820_USABLE 1
#define E820_RESERVED 2

#define RESIDENT 0xF00000
#define RESIDENT_SIZE 0x100000

FUNCTION check_entry, .init.text
        mov     entry_registers, %eax
        or      entry_registers + 4, %eax
        or      entry_registers + 8, %eax
        CHECK   "entry: EBX, EBP and EDI are zero", z
        cmpl    $BOOT_CS + (BOOT_DS << 16), entry_segments
        CHECK   "entry: CS is 10h, DS is 18h", e
        cmpl    $0x53726448, boot_params + HEADER_MAGIC         /* HdrS */
        CHECK   "zero page: magic", e
        cmpw    $0xAA55, boot_params + BOOT_FLAG
        CHECK   "zero page: boot flag", e
        cmpw    $0x20F, boot_params + VERSION
        CHECK   "zero page: protocol version", e
        cmpb    $0xFF, boot_params + LOADER_TYPE
        CHECK   "zero page: type of loader", e
        testb   $1, boot_params + LOAD_FLAGS
        CHECK   "zero page: loaded high", nz
        ret
END_FUNCTION check_entry

FUNCTION check_command_line, .init.text
        STRING  %eax, "tiny: command line: "
        call    print
        mov     $boot_command_line, %eax
        call    print
        STRING  %eax, "\n"
        call    print
        cmpb    $0, boot_command_line
        CHECK   "command line: not empty", ne
        ret
END_FUNCTION check_command_line

/* The kernel's own memory is usable, the resident area and the BIOS hole are not. */
FUNCTION check_memory_map, .init.text
        push    %ebx
        push    %esi
        xor     %ebx, %ebx              /* bit 0: kernel, 1: resident reserved, 2: hole or resident usable */
        mov     $boot_params + E820_TABLE, %esi
        movzbl  boot_params + E820_COUNT, %ecx
        jecxz   5f
1:      mov     (%esi), %eax            /* start */
        mov     8(%esi), %edx
        add     %eax, %edx              /* end; what lies above 4 GB is of no interest */
        cmpl    $0, 4(%esi)
        jne     4f
        cmpl    $E820_USABLE, 16(%esi)
        jne     3f
        cmp     $0x1000000, %eax
        ja      2f
        cmp     $PA(_end), %edx
        jb      2f
        or      $1, %ebx
2:      cmp     $RESIDENT + RESIDENT_SIZE, %eax
        jae     4f
        cmp     $0x9F000, %edx          /* low memory ends here */
        jbe     4f
        cmp     $0x100000, %eax         /* or the entry is all of 1 MB to F00000h */
        jb      6f
        cmp     $RESIDENT, %edx
        jbe     4f
6:      or      $4, %ebx
        jmp     4f
3:      cmpl    $E820_RESERVED, 16(%esi)
        jne     4f
        cmp     $RESIDENT, %eax
        ja      4f
        cmp     $RESIDENT + RESIDENT_SIZE, %edx
        jb      4f
        or      $2, %ebx
4:      add     $E820_ENTRY, %esi
        loop    1b
5:      test    $1, %bl
        CHECK   "memory map: the kernel's memory is usable", nz
        test    $2, %bl
        CHECK   "memory map: the resident area is reserved", nz
        test    $4, %bl
        CHECK   "memory map: neither it nor the BIOS is usable", z
        pop     %esi
        pop     %ebx
        ret
END_FUNCTION check_memory_map

/* Prints the initrd's size and the sum of its bytes. */
FUNCTION check_initrd, .init.text
        push    %ebx
        push    %esi
        STRING  %eax, "tiny: initrd "
        call    print
        mov     boot_params + RAMDISK_SIZE, %eax
        call    print_decimal
        STRING  %eax, " bytes, sum "
        call    print
        xor     %ebx, %ebx
        mov     boot_params + RAMDISK_SIZE, %ecx
        mov     boot_params + RAMDISK_IMAGE, %esi
        add     $PAGE_OFFSET, %esi
        jecxz   2f
1:      movzbl  (%esi), %eax
        inc     %esi
        add     %eax, %ebx
        loop    1b
2:      mov     %ebx, %eax
        call    print_hex
        STRING  %eax, "\n"
        call    print
        testl   $0xFFF, boot_params + RAMDISK_IMAGE
        CHECK   "initrd: at a page boundary", z
        pop     %esi
        pop     %ebx
        ret
END_FUNCTION check_initrd
        .section .note.GNU-stack, "", @progbits
