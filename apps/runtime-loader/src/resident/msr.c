/* Model-specific registers and the time-stamp counter; 64-bit results are in EDX:EAX. */
#include "backend.h"
#include "routines.h"

ROUTINE uint64_t emulate_rdmsr(uint32_t eax, uint32_t edx, uint32_t index) {
  (void)eax, (void)edx;
  counters[KIND_RDMSR]++;
  return backend_rdmsr(index);
}

ROUTINE void emulate_wrmsr(uint32_t low, uint32_t high, uint32_t index) {
  counters[KIND_WRMSR]++;
  backend_wrmsr(index, low, high);
}

ROUTINE uint64_t emulate_rdtsc(void) {
  counters[KIND_RDTSC]++;
  return backend_rdtsc();
}
