/*
 * How long an instruction is, and whether it is one that ring 3 executes silently: for code that was not there when the kernel was
 * analysed.
 */
#ifndef LENGTH_H
#define LENGTH_H

#include <stdbool.h>
#include <stdint.h>

struct measured {
  uint32_t length;   /* 1 to 15 */
  uint32_t kind;     /* catalogue number of an instruction that `policy_needs_trap` may want, else 0 */
  uint32_t form;     /* its operand form, as far as that function looks at it */
};

/*
 * Measures the instruction that starts at `bytes`, of which `room` may be read (SDM Vol. 2, chapter 2 and appendix A; 32-bit code).
 * False: what starts there is no instruction, or does not end in `room`. An operand that an instruction does not take may pass.
 */
bool instruction_measure(struct measured *measured, const uint8_t *bytes, uint32_t room);

#endif
