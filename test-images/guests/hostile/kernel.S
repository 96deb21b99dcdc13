/* Entry, the runner of the cases, exceptions, console. */
#include "hostile.h"

#define CMD_LINE_PTR 0x228
#define COM1 0x3F8

        .section .head.text, "ax", @progbits
        .globl  startup_32
        .type   startup_32, @function
startup_32:
        cld
        mov     $PA(stack_top), %esp
        mov     CMD_LINE_PTR(%esi), %esi
        mov     $PA(command_line), %edi
        mov     $255, %ecx
        rep movsb
        lgdt    PA(boot_gdt_pointer)
        mov     $PA(swapper_pg_dir), %edi
        call    make_directory
        mov     $0x10, %eax             /* PSE */
        mov     %eax, %cr4
        mov     $PA(swapper_pg_dir), %eax
        mov     %eax, %cr3
        mov     %cr0, %eax
        or      $0x80010000, %eax
        mov     %eax, %cr0
        ljmp    $0x10, $1f
1:      mov     $stack_top, %esp
        jmp     run_cases
        .size   startup_32, . - startup_32

/* make_directory(edi = physical address): 880 MB low and at PAGE_OFFSET, the alias for user programs, the scratch table. */
        .globl  make_directory
FUNCTION make_directory
        push    %edi
        xor     %eax, %eax
        mov     $1024, %ecx
        rep stosl
        pop     %edi
        mov     $P + RW + PS, %eax
        mov     $220, %ecx
1:      mov     %eax, 768 * 4(%edi)
        stosl
        add     $0x400000, %eax
        loop    1b
        sub     $220 * 4, %edi
        movl    $0x1000000 + P + RW + US + PS, (USER_ALIAS >> 22) * 4(%edi)
        movl    $PA(scratch_table) + P + RW + US, (SCRATCH >> 22) * 4(%edi)
        ret
END_FUNCTION make_directory

/* put_base(eax = base, ebx = descriptor) */
FUNCTION put_base
        mov     %ax, 2(%ebx)
        shr     $16, %eax
        mov     %al, 4(%ebx)
        mov     %ah, 7(%ebx)
        ret
END_FUNCTION put_base

FUNCTION restore_machine
        call    restore_resident
        cli
        cld
        mov     $0xFF, %al              /* both 8259s */
        out     %al, $0x21
        out     %al, $0xA1
        mov     %cr4, %eax
        test    $0x20, %eax
        jz      1f
        call    leave_pae
1:      mov     $gdt_rows, %esi
        mov     $gdt, %edi
        mov     $GDT_SIZE / 4, %ecx
        rep movsl
        mov     $task, %eax
        mov     $gdt + TSS, %ebx
        call    put_base
        mov     $fault_task, %eax
        mov     $gdt + FAULT_TSS, %ebx
        call    put_base
        lgdt    gdt_pointer
        ljmp    $KERNEL_CS, $1f
1:      mov     $KERNEL_DS, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        xor     %eax, %eax
        mov     %eax, %fs
        mov     %eax, %gs
        lldt    %ax
        mov     $scratch_table, %edi
        mov     $1024, %ecx
        rep stosl
        mov     $swapper_pg_dir, %edi
        call    make_directory
        mov     $0x10, %eax
        mov     %eax, %cr4
        mov     $PA(swapper_pg_dir), %eax
        mov     %eax, %cr3
        mov     $0x80010011, %eax
        mov     %eax, %cr0
        xor     %ebx, %ebx
        mov     $vectors, %edx
2:      mov     %edx, %eax
        and     $0xFFFF, %eax
        or      $KERNEL_CS << 16, %eax
        mov     %eax, idt(, %ebx, 8)
        mov     %edx, %eax
        mov     $0x8E00, %ax
        mov     %eax, idt + 4(, %ebx, 8)
        add     $16, %edx
        inc     %ebx
        cmp     $256, %ebx
        jb      2b
        movb    $0xEE, idt + 0x80 * 8 + 5
        lidt    idt_pointer
        movl    $user_fault_stack_top, task + 4
        movl    $KERNEL_DS, task + 8
        movw    $104, task + 0x66
        mov     $TSS, %eax
        ltr     %ax
        movl    $0, resume
        push    $2
        popf
        ret
END_FUNCTION restore_machine

/* enter_user(eax = address): never returns by itself */
FUNCTION enter_user
        mov     $USER_DS, %edx
        mov     %edx, %ds
        mov     %edx, %es
        pushl   $USER_DS
        pushl   $USER(user_stack_top)
        pushl   %ss:user_flags
        pushl   $USER_CS
        push    %eax
        iret
END_FUNCTION enter_user
        mov     $USER_DS, %edx
        mov     %edx, %ds
        mov     %edx, %es

FUNCTION run_cases
        call    restore_machine
        mov     $cases_start, %ebx
1:      cmp     $cases_end, %ebx
        jae     3f
        call    wanted
        jne     2f
        mov     %ebx, current
        movl    $0, checks
        testl   $ENDS, 8(%ebx)
        jz      4f
        mov     $said_tries, %esi       /* the monitor has the last word */
        call    say_name
4:      call    *4(%ebx)
        call    restore_machine
        mov     current, %ebx
        mov     $said_ok, %esi
        call    say_name
2:
next_case:
        add     $12, %ebx
        jmp     1b
3:      mov     $said_done, %esi
        call    say
        cli
        hlt
END_FUNCTION run_cases

/* Is the case at EBX asked for? ZF. "all" means all that do not end the guest, and can be tried in its mode. */
FUNCTION wanted
        cmpl    $0x206C6C61, command_line       /* "all " */
        jne     1f
        mov     $ENDS, %eax
        cmpl    $0, ARENA_USED
        jne     5f
        or      $NEEDS_STUBS, %eax
5:      test    %eax, 8(%ebx)
        ret
1:      mov     (%ebx), %esi
        mov     $command_line, %edi
2:      mov     (%esi), %al
        test    %al, %al
        jz      3f
        cmp     %al, (%edi)
        jne     4f
        inc     %esi
        inc     %edi
        jmp     2b
3:      cmpb    $' ', (%edi)
4:      ret
END_FUNCTION wanted

/* A check failed: says which, and goes on with the next case. */
FUNCTION case_failed
        mov     $stack_top, %esp
        call    restore_machine
        mov     $said_failed, %esi
        call    say
        mov     current, %ebx
        mov     (%ebx), %esi
        call    say
        mov     $numbers, %edi
1:      mov     (%edi), %esi
        test    %esi, %esi
        jz      2f
        call    say
        mov     4(%edi), %eax
        mov     (%eax), %eax
        call    say_number
        add     $8, %edi
        jmp     1b
2:      mov     $said_end, %esi
        call    say
        mov     $stack_top, %esp
        mov     current, %ebx
        jmp     next_case
END_FUNCTION case_failed

/* ---- console ---- */

FUNCTION say
        mov     $COM1, %edx
1:      lodsb
        test    %al, %al
        jz      2f
        out     %al, %dx
        jmp     1b
2:      ret
END_FUNCTION say

/* say_name(esi = what, of the current case): "hostile: WHAT NAME" */
FUNCTION say_name
        call    say
        mov     current, %esi
        mov     (%esi), %esi
        call    say
        mov     $said_end, %esi
        jmp     say
END_FUNCTION say_name

FUNCTION say_number
        mov     %eax, %esi
        mov     $COM1, %edx
        mov     $8, %ecx
1:      rol     $4, %esi
        mov     %esi, %eax
        and     $15, %eax
        cmp     $10, %eax
        jb      2f
        add     $'a' - '0' - 10, %eax
2:      add     $'0', %eax
        out     %al, %dx
        loop    1b
        ret
END_FUNCTION say_number

/* ---- exceptions ---- */

FUNCTION exception
        push    %eax
        mov     $KERNEL_DS, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        cld
        mov     4(%esp), %eax
        mov     %eax, caught
        mov     8(%esp), %eax
        mov     %eax, caught_error
        mov     12(%esp), %eax
        mov     %eax, caught_at
        mov     %cr2, %eax
        mov     %eax, caught_address
        cmpl    $0, resume
        je      unexpected
        mov     resume_stack, %esp
        jmp     *resume
unexpected:
        movl    $999, checks
        call    case_failed
END_FUNCTION exception

/* For cases that want interrupts: counts them, acknowledges, returns; the 2000th is the last of a device. */
        .globl  count_interrupt
FUNCTION count_interrupt
        push    %eax
        incl    %ss:interrupts
        cmpl    $2000, %ss:interrupts
        jne     1f
        mov     $0xFF, %al
        out     %al, $0x21
1:      mov     $0x20, %al
        out     %al, $0x20
        pop     %eax
        iret
END_FUNCTION count_interrupt

        .balign 16
        .globl  vectors
vectors:
vector = 0
        .rept   256
        .balign 16
        .if     !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17)
        push    $0
        .endif
        push    $vector
        jmp     exception
vector = vector + 1
        .endr

        .section .rodata, "a"
said_tries:  .asciz "hostile: tries "
said_ok:     .asciz "hostile: ok "
said_failed: .asciz "hostile: FAILED "
said_end:    .asciz "\n"
said_done:   .asciz "hostile: done\n"
said_check:  .asciz " check "
said_vector: .asciz " vector "
said_error:  .asciz " error "
said_at:     .asciz " at "
said_address: .asciz " address "
        .balign 4
numbers:
        .long   said_check, checks, said_vector, caught, said_error, caught_error, said_at, caught_at, said_address, caught_address, 0
gdt_rows:
        .quad   0, 0
        .quad   0x00cf9b000000ffff, 0x00cf93000000ffff
        .fill   8, 8, 0
        .quad   0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
        .quad   0x0000890000000067, 0x0000820000000000  /* TSS and LDT, whose bases are put in */
        .fill   6, 8, 0
        .quad   0x0000890000000067
        .fill   7, 8, 0
gdt_pointer:
        .word   GDT_SIZE - 1
        .long   gdt
        .globl  gdt_pointer, idt_pointer
idt_pointer:
        .word   0x7FF
        .long   idt

        .data
        .balign 8
boot_gdt_pointer:
        .word   0x1F
        .long   PA(gdt_rows)
        .balign 4
        .globl  user_flags
user_flags: .long 2
        .globl  caught, caught_error, caught_at, caught_address, resume, resume_stack, checks, interrupts
caught: .long 0
caught_error: .long 0
caught_at: .long 0
caught_address: .long 0
resume: .long 0
resume_stack: .long 0
checks: .long 0
interrupts: .long 0
current: .long 0

        .section .bss.page_aligned, "aw", @nobits
        .balign 4096
        .globl  swapper_pg_dir, scratch_table, other_table, other_directory, pages, gdt, idt, task, fault_task, fault_stack_top, user_fault_stack_top, user_stack_top
swapper_pg_dir: .fill 4096
scratch_table: .fill 4096
other_table: .fill 4096
other_directory: .fill 4096
pages:  .fill   16384
gdt:    .fill   4096
idt:    .fill   4096
task:   .fill   256
fault_task: .fill 256
        .fill   3584
        .fill   4096
fault_stack_top:
        .fill   4096
user_fault_stack_top:
        .fill   4096
user_stack_top:
        .fill   8192
stack_top:
        .globl  user_code
user_code: .fill 4096
        .section .bss, "aw", @nobits
command_line: .fill 256
        .section .note.GNU-stack, "", @progbits
