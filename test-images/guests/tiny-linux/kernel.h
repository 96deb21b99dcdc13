/*
 * What the files of the tiny kernel share. Functions follow the convention of Linux for i386: arguments in EAX, EDX
 * and ECX, which calls clobber; EBX, ESI, EDI and EBP are kept.
 */
#define PAGE_OFFSET 0xC0000000
#define PA(symbol) ((symbol) - PAGE_OFFSET)

/* Selectors, as Linux has them. */
#define BOOT_CS 0x10
#define BOOT_DS 0x18
#define KERNEL_CS 0x60
#define KERNEL_DS 0x68
#define USER_CS 0x73
#define USER_DS 0x7B
#define TSS_SELECTOR 0x80
#define GDT_SIZE 0x88

#define IF 0x200
#define DF 0x400

#define CR0_PE 1
#define CR0_TS 8
#define CR0_WP 0x10000
#define CR0_PG 0x80000000
#define CR4_PSE 0x10

#define PAGE_PRESENT 1
#define PAGE_WRITABLE 2
#define PAGE_USER 4
#define PAGE_LARGE 0x80

#define TIMER_VECTOR 0x20
#define SYSCALL_VECTOR 0x80

/* A function of .text or another section; like Linux's, it starts with a call of __fentry__. */
.macro FUNCTION name, section=.text
        .section \section, "ax", @progbits
        .balign 16, 0x90
        .globl  \name
        .type   \name, @function
\name:
        call    __fentry__
.endm

.macro END_FUNCTION name
        .size   \name, . - \name
.endm

/* Address of a string in .rodata, in a register. */
.macro STRING register, text
        .pushsection .rodata, "a", @progbits
.Lstring\@:
        .asciz  "\text"
        .popsection
        mov     $.Lstring\@, \register
.endm

/* Prints whether the check `name` holds: the condition code as `jcc` has it. */
.macro CHECK name, condition
        set\condition   %dl
        movzbl  %dl, %edx
        STRING  %eax, "\name"
        call    report
.endm
