/*
 * The monitor's start, its interrupt entries, and the way into the guest.
 *
 * The guest's registers are pushed straight into `vcpu.regs`: the task's stack pointer for ring 0 is the end of that
 * structure. A fault of the monitor itself pushes below wherever its stack is, and is told by the ring in CS.
 */
#include "layout.h"

#define PHYSICAL(address) ((address) - MONITOR_LINEAR + MONITOR_PHYSICAL)
#define LARGE_PAGE 0x83         /* present, writable, 4 MB */
#define CR4_PSE 0x10
#define CR4_PAE 0x20
#define CR0_PAGING 0x80010001   /* PG, WP, PE */

/* monitor_start(struct guest_start *): protected mode, paging off, interrupts off, flat segments, at the physical address. */
        .text
        .globl  monitor_start
monitor_start:
        mov     4(%esp), %ebx
        mov     $PHYSICAL(bss_start), %edi
        mov     $bss_end, %ecx
        sub     $bss_start, %ecx
        shr     $2, %ecx
        xor     %eax, %eax
        rep stosl
        /* The first 1 GB one to one, and the monitor where it belongs. */
        mov     $PHYSICAL(boot_directory), %edi
        mov     $LARGE_PAGE, %eax
        mov     $(BOOT_MAPPED >> 22), %ecx
1:      stosl
        add     $0x400000, %eax
        loop    1b
        mov     $(PHYSICAL(boot_directory) + (MONITOR_LINEAR >> 22) * 4), %edi
        mov     $(MONITOR_PHYSICAL + LARGE_PAGE), %eax
        mov     $(MONITOR_SIZE >> 22), %ecx
1:      stosl
        add     $0x400000, %eax
        loop    1b
        mov     $CR4_PSE, %eax
        mov     %eax, %cr4
        mov     $PHYSICAL(boot_directory), %eax
        mov     %eax, %cr3
        mov     $CR0_PAGING, %eax
        mov     %eax, %cr0
        mov     $2f, %eax
        jmp     *%eax
2:      mov     $monitor_stack_top, %esp
        push    %ebx
        call    monitor_main            /* never returns */

        .text
/* switch_paging(cr3, cr4): changes the format of page tables, which takes a moment without paging, at physical addresses. */
        .globl  switch_paging
switch_paging:
        mov     4(%esp), %edx
        mov     8(%esp), %ecx
        mov     %cr4, %eax
        test    $CR4_PAE, %eax
        mov     $PHYSICAL(boot_directory), %eax
        jz      1f
        mov     $PHYSICAL(boot_pointers), %eax
1:      mov     %eax, %cr3              /* maps this code one to one, too */
        mov     $PHYSICAL(2f), %eax
        jmp     *%eax
2:      mov     %cr0, %eax
        and     $0x7fffffff, %eax
        mov     %eax, %cr0
        mov     $PHYSICAL(boot_directory), %eax
        test    $CR4_PAE, %ecx
        jz      3f
        mov     $PHYSICAL(boot_pointers), %eax
3:      mov     %eax, %cr3
        mov     %ecx, %cr4
        mov     %cr0, %eax
        or      $0x80000000, %eax
        mov     %eax, %cr0
        mov     $4f, %eax
        jmp     *%eax
4:      mov     %edx, %cr3
        ret

/* enter_guest(): runs the guest with `vcpu.regs` until something happens. */
        .globl  enter_guest
enter_guest:
        push    %ebp
        push    %ebx
        push    %esi
        push    %edi
        mov     %esp, monitor_stack
        mov     $vcpu, %esp
        .globl  return_es, return_ds, return_iret
return_es:
        pop     %es
return_ds:
        pop     %ds
        popal
        lea     8(%esp), %esp
return_iret:
        iret

/* The rest of struct registers below what the entry has pushed, and the monitor's segments. */
        .macro  take_registers
        pushal
        push    %ds
        push    %es
        mov     $MONITOR_DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        cld
        .endm

common:
        testb   $3, 12(%esp)            /* CS, above vector, error and EIP */
        jz      monitor_faulted
        take_registers
        jmp     return_failed

/* The guest could not be entered: back to where it was entered from. */
        .globl  return_failed
return_failed:
        mov     monitor_stack, %esp
        pop     %edi
        pop     %esi
        pop     %ebx
        pop     %ebp
        ret

/* A fault or, while idling, an interrupt in ring 0: monitor_fault(struct monitor_frame *) mends it or never returns. */
monitor_faulted:
        take_registers
        mov     %esp, %eax
        push    %eax
        call    monitor_fault
        pop     %eax
        pop     %es
        pop     %ds
        popal
        lea     8(%esp), %esp
        iret

/* load_fs(selector), load_gs(selector): 1, or 0 if the load faulted and 0 was loaded. */
        .globl  load_fs, load_fs_fault, load_gs, load_gs_fault
load_fs:
        mov     4(%esp), %ecx
        mov     $1, %eax
load_fs_fault:
        mov     %ecx, %fs
        ret
load_gs:
        mov     4(%esp), %ecx
        mov     $1, %eax
load_gs_fault:
        mov     %ecx, %gs
        ret

/* wait_for_interrupt(): the one place where the monitor can be interrupted. */
        .globl  wait_for_interrupt
wait_for_interrupt:
        sti
        hlt
        cli
        ret

/* 256 entries of 16 bytes: those without an error code push a 0 in its place. */
        .balign 16
        .globl  interrupt_entries
interrupt_entries:
vector = 0
        .rept   256
        .balign 16
        .if     !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17)
        push    $0
        .endif
        push    $vector
        jmp     common
vector = vector + 1
        .endr

        .bss
        .balign 4096
        .globl  boot_directory, boot_pointers
boot_directory:
        .skip   4096
boot_pointers:
        .skip   32
monitor_stack:
        .skip   4
        .balign 16
        .skip   16384
monitor_stack_top:
/* A failed return to the guest is handled on the stack below this. */
        .balign 4096
        .skip   4096
        .globl  vcpu
vcpu:
        .skip   VCPU_ROOM
        .section .note.GNU-stack, "", @progbits
