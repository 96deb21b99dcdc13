/*
 * Words that stubs in the guest and the monitor keep together, behind the resident area's header (docs/formats.md, "Shared
 * words"). The guest can write anything here: the monitor believes the interrupt flag, which is the guest's own, and
 * nothing else.
 */
#ifndef SHARED_H
#define SHARED_H

#include <stdint.h>

enum { SHARED_OFFSET = 64 };   /* in the resident area */

struct shared_words {
  uint32_t interrupt_flag;   /* 200h or 0 */
  uint32_t pending;          /* an interrupt waits for the flag */
  uint32_t cr0, cr2, cr3, cr4;
};

#endif
