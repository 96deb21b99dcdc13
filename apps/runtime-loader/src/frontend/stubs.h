/*
 * Instructions that were moved into stubs. A fault of one of them is reported at the address where it stood, which is what the guest's
 * tables know; and when the guest's handler returns to that address, inside a window that holds a jump now, control goes to
 * the stub again.
 *
 * Only the start of a moved instruction is translated, for there the state of the guest is the same in both places.
 */
#ifndef STUBS_H
#define STUBS_H

#include <stdint.h>

#include "../patch/patcher.h"

/* Copies the list, which ascends. */
void stubs_take(const struct moved_instruction *moved, uint32_t count);

/* Where the instruction at `address` in a stub stood; `address` itself, if none starts there. */
uint32_t stub_to_original(uint32_t address);
/* Where the instruction that stood at `address` is now; `address` itself, if it was not moved. */
uint32_t original_to_stub(uint32_t address);

#endif
