/* What the boot stage hands to the monitor; all addresses are physical. */
#ifndef START_H
#define START_H

#include <stdint.h>

#include "../../boot/handover.h"

struct monitor_start {
  struct handover handover;
  uint32_t entry, boot_params;
  struct {
    uint16_t limit;
    uint32_t base;
  } __attribute__((packed)) gdt;
};

#endif
