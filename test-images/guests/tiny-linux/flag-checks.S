/* cli, sti, pushf and popf: what they change, and what they must not. */
#include "kernel.h"

/* Arithmetic flags and DF survive. The word of status flags is 8D5h: CF PF AF ZF SF OF. */
FUNCTION check_flags
        pushl   $0x8D5 | 2
        popf
        cli
        pushf
        pop     %eax
        and     $0x8D5, %eax
        cmp     $0x8D5, %eax
        CHECK   "flags: set ones survive cli", e
        pushl   $2
        popf
        cli
        pushf
        pop     %eax
        test    $0x8D5, %eax
        CHECK   "flags: clear ones survive cli", z
        stc
        sti
        nop
        cli
        CHECK   "flags: carry survives sti and cli", c
        std
        cli
        pushf
        cld
        pop     %eax
        test    $DF, %eax
        CHECK   "flags: direction survives cli", nz
        xor     %eax, %eax
        pushf
        pop     %ecx
        CHECK   "flags: zero survives pushf", z
        ret
END_FUNCTION check_flags

/* Every general register survives a row of sensitive instructions. */
FUNCTION check_registers
        push    %ebx
        push    %esi
        push    %edi
        push    %ebp
        mov     $0x21, %edx             /* the interrupt controller's mask, written as it was read */
        in      %dx, %al
        mov     $0x11111111, %ecx
        mov     $0x33333333, %ebx
        mov     $0x55555555, %ebp
        mov     $0x66666666, %esi
        mov     $0x77777777, %edi
        cli
        pushf
        out     %al, %dx
        sti
        popf
        cli
        cmp     $0x21, %edx
        jne     1f
        cmp     $0x11111111, %ecx
        jne     1f
        cmp     $0x33333333, %ebx
        jne     1f
        cmp     $0x55555555, %ebp
        jne     1f
        cmp     $0x66666666, %esi
        jne     1f
        cmp     $0x77777777, %edi
1:      CHECK   "registers: all survive", e
        pop     %ebp
        pop     %edi
        pop     %esi
        pop     %ebx
        ret
END_FUNCTION check_registers

FUNCTION check_interrupt_flag
        sti
        nop
        pushf
        cli
        pop     %eax
        test    $IF, %eax
        CHECK   "interrupt flag: set behind sti", nz
        cli
        pushf
        pop     %eax
        test    $IF, %eax
        CHECK   "interrupt flag: clear behind cli", z
        pushl   $IF | 2
        popf
        nop
        pushf
        cli
        pop     %eax
        test    $IF, %eax
        CHECK   "interrupt flag: set by popf", nz
        sti
        nop
        pushl   $2
        popf
        pushf
        pop     %eax
        test    $IF, %eax
        CHECK   "interrupt flag: cleared by popf", z
        ret
END_FUNCTION check_interrupt_flag

/* Linux's idioms: the state before in EAX. */
FUNCTION local_irq_save
        pushf
        pop     %eax
        cli
        ret
END_FUNCTION local_irq_save

FUNCTION local_irq_restore
        test    $2, %ah
        je      1f
        sti
1:      ret
END_FUNCTION local_irq_restore

FUNCTION local_irq_restore_popf
        push    %eax
        popf
        ret
END_FUNCTION local_irq_restore_popf

/* A thousand times: save, save, restore (must stay off), restore (must be on again). */
FUNCTION check_nesting
        push    %ebx
        push    %esi
        push    %edi
        push    %ebp
        mov     $1000, %ebx
        xor     %ebp, %ebp              /* wrong states seen */
        sti
1:      call    local_irq_save
        mov     %eax, %esi
        call    local_irq_save
        mov     %eax, %edi
        test    $IF, %eax
        jz      2f
        inc     %ebp
2:      mov     %edi, %eax
        call    local_irq_restore
        pushf
        pop     %eax
        test    $IF, %eax
        jz      3f
        inc     %ebp
3:      mov     %esi, %eax
        test    $1, %bl
        jz      4f
        call    local_irq_restore
        jmp     5f
4:      call    local_irq_restore_popf
5:      pushf
        pop     %eax
        test    $IF, %eax
        jnz     6f
        inc     %ebp
6:      dec     %ebx
        jnz     1b
        cli
        test    %ebp, %ebp
        CHECK   "interrupt flag: nested save and restore", z
        pop     %ebp
        pop     %edi
        pop     %esi
        pop     %ebx
        ret
END_FUNCTION check_nesting
        .section .note.GNU-stack, "", @progbits
