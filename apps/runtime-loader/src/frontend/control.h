/* Control registers, MSRs and CPUID: what the guest may set, and what it is told. */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>
#include <stdint.h>

/* False: `exception_raise` was called. */
bool control_write(uint32_t number, uint32_t value);
bool control_read(uint32_t number, uint32_t *value);
bool msr_read(uint32_t index, uint64_t *value);
bool msr_write(uint32_t index, uint64_t value);
/* Leaf in EAX, subleaf in ECX; all four registers are results. */
void cpuid_read(uint32_t *eax, uint32_t *ebx, uint32_t *ecx, uint32_t *edx);

/* The processor's time-stamp counter, which the guest mostly reads without anybody's help. */
uint64_t processor_tsc(void);

#endif
