/*
 * EFLAGS of the guest. What ring 3 can change by itself is in the real flags. The interrupt flag is there, too, as long as
 * the guest's kernel reads and writes it there (`vcpu_flag_in_memory` off); otherwise the real one is always on.
 */
#include "vcpu.h"

bool interrupts_on(void) {
  return vcpu.regs.eflags & FLAG_IF;
}

void set_interrupts(bool on) {
  if (on) vcpu.regs.eflags |= FLAG_IF;
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
