/* Makes the stubs of a kernel and puts the jumps to them into its loaded copy. */
#ifndef PATCHER_H
#define PATCHER_H

#include <stdbool.h>

#include "annotations.h"
#include "templates.h"

/* Where an instruction of a window is now, in its stub, and where it stood. Both ascend together. */
struct moved_instruction {
  uint32_t stub, original;
};

/* Where stubs go, and what they may call and count. Addresses are virtual ones. */
struct stub_area {
  uint8_t *bytes;
  uint32_t address, size, used;
  uint32_t counters;         /* address of the counter of kind 0 */
  const uint32_t *routines;  /* their addresses */
  bool poison;
  struct moved_instruction *moved;   /* is filled in, as far as there is room; null: nobody asks */
  uint32_t moved_count, moved_max;
};

struct patch_summary {
  uint32_t sites, applied, left_out;
};

/* Was a patch applied, when its window starts with that byte? No sensitive instruction starts with a jump's. */
enum { OPCODE_JUMP = 0xe9, OPCODE_SHORT_JUMP = 0xeb };
static inline bool is_diverted(const struct patch_row *patch, uint8_t first) {
  return first == OPCODE_JUMP || (patch->tactic == TACTIC_SHORT && first == OPCODE_SHORT_JUMP);
}

/*
 * Applies every patch that the templates can. The tables must have been opened and verified against the same kernel,
 * whose segments must be loaded. PV4006 if the area is too small: the loaded kernel is useless then.
 */
struct error patch_kernel(const struct kernel *kernel, const struct annotations *annotations, const struct templates *templates,
                          struct stub_area *area, struct patch_summary *summary);

#endif
