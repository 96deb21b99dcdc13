/* Which instructions the guest's kernel must not execute as they are, although ring 3 lets it. */
#ifndef POLICY_H
#define POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "kinds.h"

enum { FORM_SPECIAL_SHIFT = 5, FORM_SPECIAL_MASK = 15, SREG_CS = 1, SREG_SS = 2 };

/*
 * PUSHF is among them only if the guest's interrupt flag is in memory; else it reads what it should. Loads of segment
 * registers fault where they matter (SS), and far jumps do what they should.
 */
static inline bool policy_needs_trap(uint32_t kind, uint32_t form, bool flag_in_memory) {
  uint32_t segment = form >> FORM_SPECIAL_SHIFT & FORM_SPECIAL_MASK;
  switch (kind) {
    case KIND_PUSHF: return flag_in_memory;
    case KIND_POPF: case KIND_IRET: case KIND_SGDT: case KIND_SIDT: case KIND_SLDT: case KIND_STR: case KIND_SMSW: case KIND_LAR: case KIND_CPUID:
      return true;
    case KIND_MOV_FROM_SREG: case KIND_PUSH_SREG: return segment == SREG_CS || segment == SREG_SS;   /* whose RPL tells the ring */
    default: return false;
  }
}

#endif
