/* Events met with every register and flag in use (probe.S), and what signal handlers saw of them (probe.c). */
#pragma once
#include "workload.h"

struct registers {
  u32 eax, ecx, edx, ebx, stack_change, ebp, esi, edi, eflags;
};

struct floating {
  u16 control, unused;
  u32 mxcsr;
  u8 xmm[8][16];
  u8 x87[8][10];
} __attribute__((packed));

typedef void event(void);
void with_registers(const struct registers *in, struct registers *out, event *happens);
void with_floating(const struct floating *in, struct floating *out, event *happens);
event event_none, event_interrupt_gate, event_vdso_gate, event_spin, event_read, event_write, event_add, event_execute, event_copy;

/* Carry, parity, adjust, zero, sign, direction, overflow: everything that a program may choose. */
#define CHOSEN_FLAGS 0xcd5u
/* What else a program must see: interrupts on, the bit that is always set; and IOPL, NT, VM and AC clear. */
#define SEEN_FLAGS 0x67202u
#define FIXED_FLAGS 0x202u
enum { FLAG_COMBINATIONS = 128 };
/* The n-th combination of the chosen flags. */
u32 flags_of(u32 n);
/* Registers full of numbers that depend on `seed`. */
struct registers pattern(u32 seed, u32 flags);
/* Checks that all registers and flags are as wanted. */
void require_registers(const struct registers *found, const struct registers *wanted, const char *what);

/* The last exception that came as a signal. */
struct caught {
  u32 count, signal, address;
  struct signal_context machine;
};
extern volatile struct caught caught;
/* The handler `catch` adds this to EIP, and loads these registers and flags unless it is NULL. */
extern volatile u32 skip;
extern const struct registers *volatile replacement;
signal_handler catch;
