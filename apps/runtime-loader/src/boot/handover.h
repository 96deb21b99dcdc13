/* The boot stage's last step: that of all back ends that keep a monitor (monitor.c), or a back end's own (start.c in its folder). */
#ifndef BOOT_HANDOVER_H
#define BOOT_HANDOVER_H

#include "../kernel/elf.h"
#include "../patch/annotations.h"
#include "../patch/patcher.h"
#include "linux.h"

/* Physical memory that is the back end's and not the guest's; empty if it needs none. */
extern const struct region backend_memory;

/* What the guest's kernel has to be told on its command line, starting with a blank; or nothing. */
extern const char backend_arguments[];

struct handover {
  const struct machine *machine;
  const struct kernel *kernel;             /* loaded */
  const struct annotations *annotations;   /* null if there are none */
  bool stubs;                              /* patches were applied; sites that are in none are as they were */
  const struct moved_instruction *moved;   /* the instructions in stubs */
  uint32_t moved_count;
  uint32_t module_trap;                    /* where the kernel stops when it has loaded a module, or 0 */
};

/* Starts the loaded kernel. PV4001, if the back end cannot do without annotations. Returns only with an error. */
struct error backend_start(const struct handover *handover);

#endif
