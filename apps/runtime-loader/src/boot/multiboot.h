/* What the multiboot loader says about the machine and the module. */
#ifndef MULTIBOOT_H
#define MULTIBOOT_H

#include "bytes.h"
#include "error.h"

enum { REGION_MAX = 64, REGION_USABLE = 1 };

struct region {
  uint64_t start, end;
  uint32_t type;
};

struct machine {
  struct region regions[REGION_MAX];
  uint32_t region_count;
  uint32_t module_start, module_end;
};

struct multiboot_information;

/* Copies everything that is needed: the loader's own memory may be overwritten afterwards. PV9001, PV5003. */
struct error machine_read(struct machine *machine, uint32_t magic, const struct multiboot_information *information);

/* Is all of [start, end) inside one usable region? */
bool machine_has(const struct machine *machine, uint32_t start, uint32_t end);

/* End of the usable memory below `limit` in the highest usable region that starts below it; at most `limit`. */
uint32_t machine_top(const struct machine *machine, uint32_t limit);

#endif
