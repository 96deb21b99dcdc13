/*
 * EFLAGS of the guest. What ring 3 can change by itself is in the real flags. The interrupt flag is there, too, unless the
 * guest's kernel has been patched to keep it in memory: then the real one is always on.
 */
#include "backend.h"
#include "resident.h"

static bool in_memory;

void flags_start(bool flag_in_memory) {
  in_memory = flag_in_memory;
  if (!in_memory) return;
  vcpu.regs.eflags |= FLAG_IF;
  resident_words()->interrupt_flag = 0;
}

bool interrupts_on(void) {
  return (in_memory ? resident_words()->interrupt_flag : vcpu.regs.eflags) & FLAG_IF;
}

void set_interrupts(bool on) {
  if (in_memory) resident_words()->interrupt_flag = on ? FLAG_IF : 0;
  else if (on) vcpu.regs.eflags |= FLAG_IF;
  else vcpu.regs.eflags &= ~(uint32_t)FLAG_IF;
}

uint32_t guest_flags(void) {
  return (vcpu.regs.eflags & FLAGS_OWN) | FLAGS_ALWAYS | vcpu.iopl | (interrupts_on() ? FLAG_IF : 0);
}

void load_flags(uint32_t value, uint32_t mask) {
  uint32_t own = mask & FLAGS_OWN;
  vcpu.regs.eflags = (vcpu.regs.eflags & ~own) | (value & own) | FLAGS_ALWAYS;
  if (mask & FLAG_IOPL) vcpu.iopl = value & FLAG_IOPL;
  if (mask & FLAG_IF) set_interrupts(value & FLAG_IF);
}
