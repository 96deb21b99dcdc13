/* The one module: kernel, initrd, command line and flags (docs/formats.md, "Container"). */
#ifndef CONTAINER_H
#define CONTAINER_H

#include "bytes.h"
#include "error.h"

struct container {
  uint32_t flags;
  struct span kernel, initrd, command;   /* an absent initrd has size 0 */
};

/* PV1001 (truncated), PV1003 (no container, or damaged). */
struct error container_open(struct container *container, struct span module);

#endif
