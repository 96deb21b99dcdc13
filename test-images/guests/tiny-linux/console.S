/* Text on COM1, and the report of a check. */
#include "kernel.h"

#define COM1 0x3F8
#define LINE_STATUS (COM1 + 5)
#define TRANSMITTER_EMPTY 0x20

/* 115200 baud, 8N1, no interrupts: pairs of an offset and a value. */
FUNCTION setup_console, .init.text
        push    %esi
        mov     $uart_setup, %esi
1:      movzbl  (%esi), %edx
        cmp     $0xFF, %dl
        je      2f
        add     $COM1, %edx
        mov     1(%esi), %al
        out     %al, %dx
        add     $2, %esi
        jmp     1b
2:      pop     %esi
        ret
END_FUNCTION setup_console

/* print_character(al) */
FUNCTION print_character
        mov     %eax, %ecx
        mov     $LINE_STATUS, %edx
1:      in      %dx, %al
        test    $TRANSMITTER_EMPTY, %al
        jz      1b
        mov     %ecx, %eax
        mov     $COM1, %edx
        out     %al, %dx
        ret
END_FUNCTION print_character

/* print(eax = string) */
FUNCTION print
        push    %esi
        mov     %eax, %esi
1:      lodsb
        test    %al, %al
        jz      2f
        call    print_character
        jmp     1b
2:      pop     %esi
        ret
END_FUNCTION print

/* print_hex(eax): eight digits */
FUNCTION print_hex
        push    %esi
        push    %edi
        mov     %eax, %esi
        mov     $8, %edi
1:      rol     $4, %esi
        mov     %esi, %eax
        and     $15, %eax
        mov     hex_digits(%eax), %al
        call    print_character
        dec     %edi
        jnz     1b
        pop     %edi
        pop     %esi
        ret
END_FUNCTION print_hex

/* print_decimal(eax) */
FUNCTION print_decimal
        push    %esi
        push    $0                      /* digits end at a zero */
        mov     $10, %ecx
1:      xor     %edx, %edx
        div     %ecx
        add     $'0', %edx
        push    %edx
        test    %eax, %eax
        jnz     1b
2:      pop     %eax
        test    %eax, %eax
        jz      3f
        call    print_character
        jmp     2b
3:      pop     %esi
        ret
END_FUNCTION print_decimal

/* report(eax = name, edx = 1 if the check holds, else 0) */
FUNCTION report
        push    %esi
        push    %edi
        mov     %eax, %esi
        mov     %edx, %edi
        incl    results(, %edi, 4)
        STRING  %eax, "tiny: "
        call    print
        mov     verdicts(, %edi, 4), %eax
        call    print
        mov     %esi, %eax
        call    print
        mov     $'\n', %eax
        call    print_character
        pop     %edi
        pop     %esi
        ret
END_FUNCTION report

FUNCTION summary
        STRING  %eax, "tiny: "
        call    print
        mov     results + 4, %eax
        call    print_decimal
        STRING  %eax, " passed, "
        call    print
        mov     results, %eax
        call    print_decimal
        STRING  %eax, " failed\n"
        call    print
        ret
END_FUNCTION summary

        .section .rodata, "a", @progbits
hex_digits:
        .ascii  "0123456789abcdef"
uart_setup:
        .byte   1, 0x00, 3, 0x83, 0, 0x01, 1, 0x00, 3, 0x03, 2, 0x07, 4, 0x03, 0xFF
fail_word:
        .asciz  "FAIL "
pass_word:
        .asciz  "PASS "
        .balign 4
verdicts:
        .long   fail_word, pass_word

        .section .data, "aw", @progbits
        .balign 4
results:
        .long   0, 0                    /* failed, passed */
        .section .note.GNU-stack, "", @progbits
