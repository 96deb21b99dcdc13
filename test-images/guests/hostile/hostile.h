/*
 * What the files of the hostile guest share. A case is a function that attacks and checks what comes of it. It may spoil everything:
 * `restore_machine` puts descriptor tables, page tables and control registers back before the next one.
 *
 *   CASE name                 goes on; run together with all others, or by its name
 *   STUB_CASE name            the same, for a guest with stubs; there is none in mode trap
 *   ENDING name, report       ends the guest, with these words of the monitor
 *   STUB_ENDING name, report  the same, for a guest with stubs
 *   WILD name                 needs stubs; executes what is no code, so that anything may happen to the guest
 */
#define PAGE_OFFSET 0xC0000000
#define PA(symbol) ((symbol) - PAGE_OFFSET)
/* User programs see the kernel's 4 MB here. */
#define USER_ALIAS 0x40000000
#define USER(symbol) ((symbol) - 0xC1000000 + USER_ALIAS)

/* The monitor (apps/runtime-loader/src/backend/ring3/layout.h). */
#define MONITOR 0xFC000000
#define MONITOR_WINDOW 0xFE000000
#define MONITOR_FRAME 0x2C00000
#define MONITOR_CS 0xFF80

/* The resident area (docs/formats.md): its header, the shared words, routines, counters, stubs. */
#define RESIDENT 0xC0F00000
#define RESIDENT_FRAME 0xF00000
#define RESIDENT_SIZE 0x100000
#define ARENA_USED (RESIDENT + 20)
#define INTERRUPT_FLAG (RESIDENT + 64)
#define PENDING (RESIDENT + 68)
#define COPY_OF_CR3 (RESIDENT + 80)
#define ARENA_END (RESIDENT + RESIDENT_SIZE)    /* nothing is in its last pages */

#define KERNEL_CS 0x60
#define KERNEL_DS 0x68
#define USER_CS 0x73
#define USER_DS 0x7B
#define TSS 0x80
#define LDT 0x88
#define SPARE 0x90                      /* up to B8h: for the cases */
#define FAULT_TSS 0xC0
#define GDT_SIZE 0x100

#define P 1
#define RW 2
#define US 4
#define PS 0x80
#define SCRATCH 0x50000000              /* mapped by `scratch_table`, empty at first */
#define SCRATCH_ENTRY (swapper_pg_dir + (SCRATCH >> 22) * 4)
#define NOWHERE 0x70000000              /* mapped by nothing */

.macro FUNCTION name
        .text
        .balign 16, 0x90
        .globl  \name
        .type   \name, @function
\name:
.endm
.macro END_FUNCTION name
        .size   \name, . - \name
.endm

#define ENDS 1
#define NEEDS_STUBS 2
.macro ENTRY name, what
        .pushsection .rodata, "a"
77:     .asciz  "\name"
        .popsection
        .pushsection .cases, "a"
        .long   77b, case\@, \what
        .popsection
        .text
        .balign 16, 0x90
        .type   case\@, @function
case\@:
.endm
.macro CASE name
        ENTRY   "\name", 0
.endm
.macro STUB_CASE name
        ENTRY   "\name", NEEDS_STUBS
.endm
.macro ENDING name, report
        ENTRY   "\name", ENDS
.endm
.macro WILD name
        ENTRY   "\name", ENDS + NEEDS_STUBS
.endm
.macro STUB_ENDING name, report
        ENTRY   "\name", ENDS + NEEDS_STUBS
.endm

/* What is between TRY and TRIED may fault. Registers other than ESP are lost then. */
.macro TRY
        movl    $771f, resume
        mov     %esp, resume_stack
        movl    $-1, caught
.endm
.macro TRIED
771:    movl    $0, resume
.endm
.macro CHECK condition
        j\condition 772f
        call    case_failed
772:    incl    checks
.endm
.macro CAUGHT vector, error=none, address=none
        cmpl    $\vector, caught
        CHECK   e
        .ifnc   \error, none
        cmpl    $\error, caught_error
        CHECK   e
        .endif
        .ifnc   \address, none
        cmpl    $\address, caught_address
        CHECK   e
        .endif
.endm
.macro NOTHING
        CAUGHT  -1
.endm
/* One instruction that has to fault. */
.macro FAULTS vector, error, instruction:vararg
        TRY
        \instruction
        TRIED
        CAUGHT  \vector, \error
.endm
/* Runs the code at a label as a user program, which has to come back by an exception. */
.macro AS_USER label
        TRY
        mov     $USER(\label), %eax
        call    enter_user
        TRIED
.endm
/* Code that no tool looks at: user programs are not patched, and odd bytes are no instructions. */
.macro UNSEEN
        .pushsection .data
.endm
.macro END_UNSEEN
        .popsection
.endm
/* Descriptor in a spare row. */
.macro ROW selector, low, high
        movl    $\low, gdt + \selector
        movl    $\high, gdt + \selector + 4
.endm
.macro FLUSH
        mov     %cr3, %eax
        mov     %eax, %cr3
.endm
.macro PTE frame, flags
        movl    $(\frame) + (\flags), scratch_table
        invlpg  SCRATCH
.endm
