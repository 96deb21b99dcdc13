/*
 * Kernel modules. What the guest's kernel loads later was not there when it was analysed, and executes in ring 3 as it is: where
 * that would do something else silently, a one-byte trap is put when the module is loaded.
 *
 * Linux calls `module_finalize(header, sections, module)` of the architecture once for each module, when all of it is in place and
 * relocated and nothing of it has run (kernel/module/main.c, post_relocation); behind it the text is what will run. The boot stage
 * leads that call through code in the resident area (boot/modules.c) which stops in the monitor when the function returns.
 */
#ifndef MODULES_H
#define MODULES_H

#include <stdbool.h>
#include <stdint.h>

/* `trap`: where the guest stops behind `module_finalize`; 0: nowhere, its modules stay as they are. */
void modules_start(uint32_t trap, bool flag_in_memory);
/* Does the guest stand at that trap? */
bool modules_trapped(void);
/* It does: puts the traps, and takes the guest over the instruction. */
void modules_loaded(void);

#endif
