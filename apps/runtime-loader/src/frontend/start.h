/* What the boot stage hands over, and the guest's first steps. */
#ifndef FRONTEND_START_H
#define FRONTEND_START_H

#include <stdbool.h>
#include <stdint.h>

#include "../boot/handover.h"

/* All addresses are physical. */
struct guest_start {
  struct handover handover;
  uint32_t entry, boot_params;
  struct {
    uint16_t limit;
    uint32_t base;
  } __attribute__((packed)) gdt;
};

/*
 * Starts the guest, once all operations of the back end work; never returns. Until the first `backend_root_load` physical memory
 * below 1 GB must be mapped one to one, for what the boot stage left there. `epoch`: seconds since 1970-01-01.
 */
_Noreturn void guest_run(const struct guest_start *start, uint32_t epoch);

#endif
