/*
 * Emulation routines: what stubs call instead of the sensitive instruction.
 *
 * ABI: arguments in EAX, EDX and ECX; EAX, ECX, EDX and the arithmetic flags may be clobbered, nothing else; DF is
 * clear; the stack is the guest's. A routine's number is its index in the table of header.S.
 */
#ifndef ROUTINES_H
#define ROUTINES_H

#include <stdint.h>

#include "kinds.h"
#include "shared.h"

#define ROUTINE __attribute__((regparm(3)))

extern uint32_t counters[KIND_COUNT];

/* The registers that CPUID reads and writes, as its stub pushes them. */
struct cpuid_frame {
  uint32_t eax, ebx, ecx, edx;
};

ROUTINE uint32_t emulate_in8(uint32_t eax, uint32_t port);
ROUTINE uint32_t emulate_in16(uint32_t eax, uint32_t port);
ROUTINE uint32_t emulate_in32(uint32_t eax, uint32_t port);
ROUTINE void emulate_out8(uint32_t value, uint32_t port);
ROUTINE void emulate_out16(uint32_t value, uint32_t port);
ROUTINE void emulate_out32(uint32_t value, uint32_t port);
ROUTINE uint64_t emulate_rdmsr(uint32_t eax, uint32_t edx, uint32_t index);
ROUTINE void emulate_wrmsr(uint32_t low, uint32_t high, uint32_t index);
ROUTINE void emulate_cpuid(struct cpuid_frame *frame);
ROUTINE uint64_t emulate_rdtsc(void);
ROUTINE void emulate_write_cr(uint32_t value, uint32_t number);
ROUTINE uint32_t emulate_read_cr(uint32_t number);

extern volatile struct shared_words shared;
ROUTINE void emulate_cli(void);
ROUTINE void emulate_sti(void);
ROUTINE uint32_t emulate_read_flags(uint32_t real);
ROUTINE void emulate_write_flags(uint32_t value);

#endif
