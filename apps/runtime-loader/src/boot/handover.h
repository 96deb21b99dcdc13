/* The boot stage's last step, which each back end does in its own way (src/backend/NAME/start.c). */
#ifndef BOOT_HANDOVER_H
#define BOOT_HANDOVER_H

#include "../kernel/elf.h"
#include "../patch/annotations.h"
#include "linux.h"

/* Physical memory that is the back end's and not the guest's; empty if it needs none. */
extern const struct region backend_memory;

/* What the guest's kernel has to be told on its command line, starting with a blank; or nothing. */
extern const char backend_arguments[];

/*
 * Starts the loaded kernel. `annotations` is null if there are none; `stubs`: patches were applied. Sites that are in none are as they were. PV4001, if the back end
 * cannot do without. Returns only with an error.
 */
struct error backend_start(const struct machine *machine, const struct kernel *kernel, const struct annotations *annotations, bool stubs);

#endif
