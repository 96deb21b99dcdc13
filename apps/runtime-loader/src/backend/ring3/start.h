/* What the boot stage hands to the monitor; all addresses are physical. */
#ifndef START_H
#define START_H

#include <stdint.h>

#include "../../boot/multiboot.h"
#include "../../kernel/elf.h"
#include "../../patch/annotations.h"

struct monitor_start {
  uint32_t entry, boot_params;
  struct {
    uint16_t limit;
    uint32_t base;
  } __attribute__((packed)) gdt;
  const struct machine *machine;
  const struct kernel *kernel;
  const struct annotations *annotations;
  bool flag_in_memory;   /* the stubs keep the guest's interrupt flag in the shared words */
};

#endif
