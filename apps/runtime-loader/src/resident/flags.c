/*
 * The guest's interrupt flag in memory, for stubs that call a routine. The real flag is always on; STI traps, which is how
 * an interrupt is fetched that has been waiting.
 */
#include "routines.h"

enum { INTERRUPT_FLAG = 0x200 };

static void interrupts_on(void) {
  shared.interrupt_flag = INTERRUPT_FLAG;
  if (shared.pending) __asm__ volatile("sti" : : : "memory");
}

ROUTINE void emulate_cli(void) {
  counters[KIND_CLI]++;
  shared.interrupt_flag = 0;
}

ROUTINE void emulate_sti(void) {
  counters[KIND_STI]++;
  interrupts_on();
}

ROUTINE uint32_t emulate_read_flags(uint32_t real) {
  counters[KIND_PUSHF]++;
  return (real & ~(uint32_t)INTERRUPT_FLAG) | shared.interrupt_flag;
}

ROUTINE void emulate_write_flags(uint32_t value) {
  counters[KIND_POPF]++;
  if (value & INTERRUPT_FLAG) interrupts_on();
  else shared.interrupt_flag = 0;
}
