/* Leads the kernel's call of `module_finalize` past the monitor (frontend/modules.h). */
#ifndef BOOT_MODULES_H
#define BOOT_MODULES_H

#include "handover.h"

/* Where the guest stops when a module has been loaded; 0 if the annotation table names no such call, or no room is left for stubs. */
uint32_t modules_hook(const struct handover *handover);

#endif
