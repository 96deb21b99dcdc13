/* CPUID, counters, control, debug and model-specific registers, segments, descriptor tables, translations. */
#include "kernel.h"

#define CPUID_PSE 8
#define CPUID_TSC 0x10
#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176

FUNCTION check_cpuid
        push    %ebx
        push    %esi
        push    %edi
        xor     %eax, %eax
        xor     %ecx, %ecx
        cpuid
        cmp     $1, %eax
        CHECK   "cpuid: leaf 1 exists", ae
        mov     $0x66666666, %esi
        mov     $0x77777777, %edi
        mov     $1, %eax
        cpuid
        push    %eax
        push    %edx
        mov     %edx, %ebx
        cmp     $0x66666666, %esi
        jne     1f
        cmp     $0x77777777, %edi
1:      CHECK   "cpuid: ESI and EDI survive", e
        and     $CPUID_PSE + CPUID_TSC, %ebx
        cmp     $CPUID_PSE + CPUID_TSC, %ebx
        CHECK   "cpuid: large pages and a time-stamp counter", e
        mov     $1, %eax
        cpuid
        pop     %esi
        pop     %edi
        cmp     %edx, %esi
        jne     2f
        cmp     %eax, %edi
2:      CHECK   "cpuid: twice the same", e
        pop     %edi
        pop     %esi
        pop     %ebx
        ret
END_FUNCTION check_cpuid

FUNCTION check_time_stamp
        push    %ebx
        push    %esi
        rdtsc
        mov     %eax, %esi
        mov     %edx, %ebx
        mov     $1000, %ecx
1:      loop    1b
        rdtsc
        sub     %esi, %eax
        sbb     %ebx, %edx
        or      %edx, %eax              /* the counter has not stood still, */
        jz      2f
        test    %edx, %edx              /* nor has it gone backwards */
        setns   %al
        test    %al, %al
2:      CHECK   "rdtsc: counts upwards", nz
        pop     %esi
        pop     %ebx
        ret
END_FUNCTION check_time_stamp

/* check_msr(ecx): writes a value to the register, reads it back; ZF set if it is the same. The register is zero afterwards. */
FUNCTION write_and_read_msr
        mov     $0x1234, %eax
        xor     %edx, %edx
        wrmsr
        mov     $0x5678, %eax
        mov     $0x5678, %edx
        rdmsr
        push    %eax
        push    %edx
        xor     %eax, %eax
        xor     %edx, %edx
        wrmsr
        pop     %edx
        pop     %eax
        xor     $0x1234, %eax
        or      %edx, %eax
        ret
END_FUNCTION write_and_read_msr

FUNCTION check_msrs
        mov     $MSR_SYSENTER_CS, %ecx
        call    write_and_read_msr
        CHECK   "msr: 174h", z
        mov     $MSR_SYSENTER_ESP, %ecx
        call    write_and_read_msr
        CHECK   "msr: 175h", z
        mov     $MSR_SYSENTER_EIP, %ecx
        call    write_and_read_msr
        CHECK   "msr: 176h", z
        ret
END_FUNCTION check_msrs

FUNCTION check_control_registers
        push    %ebx
        push    %esi
        push    %edi
        mov     %cr0, %eax
        and     $CR0_PG + CR0_WP + CR0_PE, %eax
        cmp     $CR0_PG + CR0_WP + CR0_PE, %eax
        CHECK   "cr0: paging, write protection, protected mode", e
        mov     %cr0, %ebx
        or      $CR0_TS, %ebx
        mov     %ebx, %cr0
        mov     %cr0, %edx
        test    $CR0_TS, %edx
        CHECK   "cr0: task switched, set", nz
        clts
        mov     %cr0, %ecx
        test    $CR0_TS, %ecx
        CHECK   "cr0: task switched, cleared by clts", z
        smsw    %eax
        test    $CR0_PE, %eax
        CHECK   "smsw: protected mode", nz
        or      $CR0_TS, %eax
        lmsw    %ax
        mov     %cr0, %eax
        clts
        test    $CR0_TS, %eax
        CHECK   "lmsw: sets task switched", nz
        mov     $0x12345678, %eax
        mov     %eax, %cr2
        xor     %eax, %eax
        mov     %cr2, %esi
        cmp     $0x12345678, %esi
        CHECK   "cr2: keeps its value", e
        mov     %cr3, %eax
        mov     %eax, %cr3
        mov     %cr3, %edi
        cmp     $PA(swapper_pg_dir), %edi
        CHECK   "cr3: the page directory", e
        mov     %cr4, %eax
        mov     %eax, %cr4
        test    $CR4_PSE, %eax
        CHECK   "cr4: large pages", nz
        pop     %edi
        pop     %esi
        pop     %ebx
        ret
END_FUNCTION check_control_registers

FUNCTION check_debug_registers
        mov     $0xC1234567, %eax
        mov     %eax, %db0
        mov     %db0, %ecx
        cmp     %eax, %ecx
        CHECK   "debug registers: keep their value", e
        xor     %eax, %eax
        mov     %eax, %db0
        ret
END_FUNCTION check_debug_registers

FUNCTION check_segments
        mov     %ds, %eax
        cmp     $KERNEL_DS, %ax
        CHECK   "segments: mov from DS", e
        push    %cs
        pop     %eax
        cmp     $KERNEL_CS, %ax
        CHECK   "segments: push CS", e
        mov     $USER_DS, %eax
        mov     %eax, %gs
        push    %gs
        pop     %ecx
        cmp     $USER_DS, %cx
        CHECK   "segments: mov to GS", e
        push    $KERNEL_DS
        pop     %gs
        mov     %gs, %edx
        cmp     $KERNEL_DS, %dx
        CHECK   "segments: pop GS", e
        mov     $KERNEL_DS, %ecx
        xor     %eax, %eax
        lar     %ecx, %eax
        jnz     1f
        and     $0xFF00, %eax
        cmp     $0x9300, %eax
1:      CHECK   "lar: access rights of the kernel's data", e
        mov     $KERNEL_DS, %ecx
        lsl     %ecx, %eax
        jnz     2f
        cmp     $-1, %eax
2:      CHECK   "lsl: 4 GB", e
        mov     $KERNEL_DS, %ecx
        verw    %cx
        CHECK   "verw: the kernel's data", z
        xor     %ecx, %ecx
        verr    %cx
        CHECK   "verr: the null selector", nz
        ret
END_FUNCTION check_segments

FUNCTION check_descriptor_tables
        sub     $8, %esp
        sgdt    (%esp)
        cmpw    $GDT_SIZE - 1, (%esp)
        jne     1f
        cmpl    $gdt, 2(%esp)
1:      CHECK   "sgdt: as it was loaded", e
        sidt    (%esp)
        cmpw    $256 * 8 - 1, (%esp)
        jne     2f
        cmpl    $idt, 2(%esp)
2:      CHECK   "sidt: as it was loaded", e
        add     $8, %esp
        sldt    %eax
        test    %ax, %ax
        CHECK   "sldt: none", z
        str     %eax
        cmp     $TSS_SELECTOR, %ax
        CHECK   "str: as it was loaded", e
        ret
END_FUNCTION check_descriptor_tables

/* A page whose translation changes must be seen at its new place behind invlpg, and behind a load of CR3. */
#define ALIAS 0xF8000000
#define ALIAS_ENTRY (ALIAS >> 22)
FUNCTION check_translations
        movl    $PA(alias_table) + PAGE_PRESENT + PAGE_WRITABLE, swapper_pg_dir + 4 * ALIAS_ENTRY
        movl    $PA(first_page) + PAGE_PRESENT + PAGE_WRITABLE, alias_table
        mov     ALIAS, %eax
        cmp     $0x11111111, %eax
        CHECK   "translations: first page", e
        movl    $PA(second_page) + PAGE_PRESENT + PAGE_WRITABLE, alias_table
        invlpg  ALIAS
        mov     ALIAS, %eax
        cmp     $0x22222222, %eax
        CHECK   "translations: second page behind invlpg", e
        movl    $PA(first_page) + PAGE_PRESENT + PAGE_WRITABLE, alias_table
        mov     %cr3, %eax
        mov     %eax, %cr3
        mov     ALIAS, %eax
        cmp     $0x11111111, %eax
        CHECK   "translations: first page behind a load of cr3", e
        wbinvd
        ret
END_FUNCTION check_translations

        .section .data.page_aligned, "aw", @progbits
        .balign 4096
first_page:
        .fill   1024, 4, 0x11111111
second_page:
        .fill   1024, 4, 0x22222222

        .section .bss.page_aligned, "aw", @nobits
        .balign 4096
alias_table:
        .fill   4096
        .section .note.GNU-stack, "", @progbits
