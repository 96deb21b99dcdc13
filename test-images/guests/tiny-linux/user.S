/* One visit to ring 3: a page of code and a page of stack, two system calls. */
#include "kernel.h"

#define USER_TEXT 0x08048000
#define USER_STACK_TOP (USER_TEXT + 0x2000)
#define USER_TABLE (USER_TEXT >> 22)
#define USER_PAGE ((USER_TEXT >> 12) & 1023)
#define USER_ACCESS (PAGE_PRESENT + PAGE_WRITABLE + PAGE_USER)

#define CALL_COMPLEMENT 1               /* EAX = not EDX */
#define CALL_EXIT 2                     /* leaves user mode with the result in EDX */

/* Runs the user page until it exits; reports what it found: bit 0 a system call works, bit 1 interrupts are on. */
FUNCTION run_user
        push    %ebx
        push    %esi
        push    %edi
        push    %ebp
        cli
        movl    $PA(user_table) + USER_ACCESS, swapper_pg_dir + 4 * USER_TABLE
        movl    $PA(user_text) + USER_ACCESS, user_table + 4 * USER_PAGE
        movl    $PA(user_stack) + USER_ACCESS, user_table + 4 * USER_PAGE + 4
        mov     %cr3, %eax
        mov     %eax, %cr3

        mov     $USER_DS, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %esp, kernel_stack
        mov     %esp, tss + 4           /* ESP0: below what was pushed here */
        pushl   $USER_DS
        pushl   $USER_STACK_TOP
        pushl   $IF | 2
        pushl   $USER_CS
        pushl   $USER_TEXT
        iret

        .globl  back_from_user
back_from_user:
        mov     $KERNEL_DS, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %fs
        mov     %eax, %gs
        mov     %edx, %ebx
        test    $1, %bl
        CHECK   "user mode: a system call", nz
        test    $2, %bl
        CHECK   "user mode: interrupts are on", nz
        test    $4, %bl
        CHECK   "user mode: ring 3", nz
        pop     %ebp
        pop     %edi
        pop     %esi
        pop     %ebx
        ret
END_FUNCTION run_user

        .globl  syscall_handler
        .type   syscall_handler, @function
syscall_handler:
        cmp     $CALL_EXIT, %eax
        je      1f
        mov     %edx, %eax
        not     %eax
        iret
1:      mov     kernel_stack, %esp
        jmp     back_from_user
        .size   syscall_handler, . - syscall_handler

        .section .data.page_aligned, "aw", @progbits
        .balign 4096
user_text:
        xor     %ebx, %ebx
        mov     $CALL_COMPLEMENT, %eax
        mov     $0x0F0F0F0F, %edx
        int     $SYSCALL_VECTOR
        cmp     $0xF0F0F0F0, %eax
        jne     1f
        or      $1, %ebx
1:      pushf
        pop     %eax
        test    $IF, %eax
        jz      2f
        or      $2, %ebx
2:      mov     %cs, %eax
        and     $3, %eax
        cmp     $3, %eax
        jne     3f
        or      $4, %ebx
3:      mov     $CALL_EXIT, %eax
        mov     %ebx, %edx
        int     $SYSCALL_VECTOR
        .balign 4096

        .section .bss.page_aligned, "aw", @nobits
        .balign 4096
user_table:
        .fill   4096
user_stack:
        .fill   4096

        .section .bss, "aw", @nobits
        .balign 4
kernel_stack:
        .fill   4
        .section .note.GNU-stack, "", @progbits
