/* What the Linux kernel is told, and the jump into it (Documentation/x86/boot.rst and zero-page.rst). */
#ifndef BOOT_LINUX_H
#define BOOT_LINUX_H

#include "bytes.h"
#include "multiboot.h"

/* Everything that the kernel reads after its start lies here, in memory that no kernel is loaded into. */
#define HANDOVER_START 0x90000u
#define HANDOVER_END 0x93000u

/*
 * Usable memory with a hole for the BIOS, and holes for the resident area and for the back end's memory, which are listed as reserved.
 * `arguments` is appended to the command line as far as there is room.
 */
void linux_prepare(const struct machine *machine, struct span command, const char *arguments, struct region backend, uint32_t initrd, uint32_t initrd_size);

/* The operand of LGDT for the boot protocol's descriptors: a limit of 16 bits, an address of 32. */
const void *linux_gdt_pointer(void);

_Noreturn void linux_enter(uint32_t entry);

#endif
