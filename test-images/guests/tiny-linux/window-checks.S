/* Sites whose neighbours are hard to move: jumps, calls, and code that looks at where it is. */
#include "kernel.h"

/* Returns where it was called from. */
FUNCTION return_address
        mov     (%esp), %eax
        ret
END_FUNCTION return_address

FUNCTION check_windows
        push    %ebx
        cli
        call    return_address
1:      cmp     $1b, %eax
        CHECK   "windows: a call behind cli pushes its own address", e

        mov     $1, %ebx
        stc
        cli
        jc      2f
        xor     %ebx, %ebx
2:      test    %ebx, %ebx
        CHECK   "windows: a conditional jump behind cli, taken", nz

        xor     %ebx, %ebx
        clc
        cli
        jc      3f
        mov     $1, %ebx
3:      test    %ebx, %ebx
        CHECK   "windows: a conditional jump behind cli, not taken", nz

        mov     $1, %ebx
        cli
        nop
        nop
        jmp     4f
        xor     %ebx, %ebx
4:      test    %ebx, %ebx
        CHECK   "windows: a jump behind cli", nz

        xor     %ebx, %ebx              /* a loop back to the instruction behind a site */
        cli
5:      inc     %ebx
        cmp     $10, %ebx
        jb      5b
        CHECK   "windows: a branch target behind cli", e

        mov     $6f, %ebx               /* an address that only a register knows */
        cli
        jmp     *%ebx
        xor     %ebx, %ebx
6:      nop
        cli
        test    %ebx, %ebx
        CHECK   "windows: an indirect target in front of cli", nz
        pop     %ebx
        ret
END_FUNCTION check_windows
        .section .note.GNU-stack, "", @progbits
