/* The resident blob's header (docs/formats.md), its table of routines and its counters. */
#include "kinds.h"

#define HEADER_SIZE 64
#define ROUTINE_COUNT 16

        .section .header, "a"
        .globl  header
header:
        .ascii  "PVRS"
        .word   1, HEADER_SIZE
        .long   resident_size
        .long   resident_arena, resident_arena_size
        .long   0                       /* arena: bytes used */
        .long   counters, KIND_COUNT
        .long   ROUTINE_COUNT, routines
        .long   0                       /* status: nothing done yet */
        .fill   HEADER_SIZE - (. - header)

        .globl  shared                  /* struct shared_words, at a fixed place */
shared:
        .fill   64

/* The order is the routine ABI. */
routines:
        .long   emulate_in8, emulate_in16, emulate_in32
        .long   emulate_out8, emulate_out16, emulate_out32
        .long   emulate_rdmsr, emulate_wrmsr
        .long   emulate_cpuid
        .long   emulate_rdtsc
        .long   emulate_write_cr, emulate_read_cr
        .long   emulate_cli, emulate_sti, emulate_read_flags, emulate_write_flags
        .if     . - routines != 4 * ROUTINE_COUNT
        .error  "the table of routines does not have ROUTINE_COUNT rows"
        .endif

        .section .counters, "aw", @progbits
        .balign 64
        .globl  counters
counters:
        .fill   KIND_COUNT, 4, 0
        .section .note.GNU-stack, "", @progbits
