/* CPUID: leaf in EAX, subleaf in ECX; all four registers are results. */
#include "backend.h"
#include "routines.h"

ROUTINE void emulate_cpuid(struct cpuid_frame *frame) {
  counters[KIND_CPUID]++;
  backend_cpuid(&frame->eax, &frame->ebx, &frame->ecx, &frame->edx);
}
