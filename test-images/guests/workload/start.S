/*
 * Entry of the process and of threads, and the ways into the kernel.
 *
 * A system call by the vDSO is what Linux programs use: __kernel_vsyscall does sysenter where the processor has it.
 */
#define FUNCTION(name) .globl name; .type name, @function; name:

        .text
FUNCTION(_start)
        xor     %ebp, %ebp
        mov     %esp, %eax              /* argc, argv, NULL, environment, NULL, auxiliary vector */
        and     $-16, %esp
        sub     $12, %esp
        push    %eax
        call    start
        ud2

/* s32 system_call(u32 number, ...): arguments in EBX, ECX, EDX, ESI, EDI, EBP. */
FUNCTION(system_call)
        push    %ebx
        push    %esi
        push    %edi
        push    %ebp
        mov     20(%esp), %eax
        mov     24(%esp), %ebx
        mov     28(%esp), %ecx
        mov     32(%esp), %edx
        mov     36(%esp), %esi
        mov     40(%esp), %edi
        mov     44(%esp), %ebp
        call    *gate
        pop     %ebp
        pop     %edi
        pop     %esi
        pop     %ebx
        ret

FUNCTION(interrupt_gate)
        int     $0x80
        ret

/* Handlers return to these (SA_RESTORER). */
FUNCTION(return_from_handler)
        mov     $173, %eax              /* rt_sigreturn */
        int     $0x80
        ud2

/* s32 start_thread(flags, stack_top, clear_tid, storage, body, argument): the vDSO cannot return on another stack. */
FUNCTION(start_thread)
        push    %ebx
        push    %esi
        push    %edi
        push    %ebp
        mov     $120, %eax              /* clone */
        mov     20(%esp), %ebx
        mov     24(%esp), %ecx
        mov     28(%esp), %edi
        mov     32(%esp), %esi
        mov     36(%esp), %edx          /* body and argument travel in registers that clone may not look at */
        mov     40(%esp), %ebp
        int     $0x80
        test    %eax, %eax
        jz      1f
        pop     %ebp
        pop     %edi
        pop     %esi
        pop     %ebx
        ret
1:      and     $-16, %esp
        sub     $12, %esp
        push    %ebp
        call    *%edx
        xor     %ebx, %ebx
        mov     $1, %eax                /* exit: this thread alone */
        int     $0x80
        ud2

        .section .note.GNU-stack, "", @progbits
