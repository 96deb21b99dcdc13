/* What the parts of the workload share: checks, checksums, output, system calls. */
#pragma once
#include "linux.h"

/* start.S: one system call; the result, or -errno. `gate` enters the kernel: by int 80h, or as the vDSO says (sysenter). */
s32 system_call(u32 number, ...);
extern void (*gate)(void);
void interrupt_gate(void);
/* The vDSO's entry, or interrupt_gate where the kernel offers none. */
extern void (*vdso_gate)(void);
extern char **environment;

/* start.S: a thread that runs `body(argument)` on `stack_top` and ends with its result; clone's other arguments. */
s32 start_thread(u32 flags, u32 *stack_top, u32 *clear_tid, struct segment *storage, void (*body)(u32), u32 argument);

/* output.c */
/* A line of text in one write. %s text, %u decimal, %x eight hexadecimal digits. */
void print(const char *format, ...);
/* Says which part failed and how, and ends the process (exit code 1), unless the values are equal. */
void require(u32 found, u32 wanted, const char *what);
extern const char *part;

/* Fowler-Noll-Vo over words: every part prints what it saw, folded. */
#define CHECKSUM_START 2166136261u
static inline u32 mix(u32 sum, u32 value) { return (sum ^ value) * 16777619u; }
/* Deterministic content: Numerical Recipes' congruential generator. */
static inline u32 next_random(u32 seed) { return seed * 1664525u + 1013904223u; }

/* Ends the process. */
void leave(u32 code) __attribute__((noreturn));
/* Waits for a child: its wait status. */
u32 wait_for(s32 child);
#define EXITED(code) ((u32)(code) << 8)

void set_handler(int number, signal_handler *handler, u32 flags);
void *map_memory(u32 bytes, u32 protection, u32 flags);
void sleep_for(u32 milliseconds);
/* Since some start, milliseconds. */
u32 now(void);

/* The parts: each returns a checksum of what it saw. */
u32 part_registers(void);
u32 part_exceptions(void);
u32 part_privileged(void);
u32 part_segments(void);
u32 part_interrupts(void);
u32 part_floating(void);
u32 part_forks(void);
u32 part_pipes(void);
u32 part_threads(void);
u32 part_signals(void);
u32 part_alarms(void);
u32 part_stopping(void);
u32 part_restarts(void);
u32 part_faults(void);
u32 part_copies(void);
u32 part_protection(void);
u32 part_stack(void);
u32 part_mappings(void);
u32 part_sleeping(void);
u32 part_tracing(void);
u32 part_stepping(void);

/* Prints a line per benchmark; `scale` multiplies the numbers of rounds. */
void microbenchmarks(u32 scale);
