/*
 * A machine for the front end that is a program: memory, descriptor tables and time. It has no processor: what the guest does, and what
 * comes of it, is the business of whoever defines `backend_enter`, and with it the console, CPUID, idling and the end.
 *
 * Whatever the front end asks for, these hold:
 *
 *   - no shadow table shows the guest anything but its own memory, absent memory, or (to the monitor alone) the monitor;
 *   - pages that are read-only to the guest's user programs or absent are so in their view, once tables are in sync;
 *   - the processor could load CS and SS.
 */
#ifndef HOST_MACHINE_H
#define HOST_MACHINE_H

#include "../frontend/backend.h"
#include "layout.h"

enum { RAM_FRAMES = 0x1200 };   /* 18 MB: the resident area is at 15 MB */
/* The monitor's own pages are this program's. */
enum { MONITOR_FRAME = MONITOR_PHYSICAL / 4096, OWN_FRAME = 0xa0000 };
/* Where the guests here have their things. */
enum { CODE = 0x200000, STACK = 0x210000, GDT = 0x220000, IDT = 0x221000, TASK = 0x222000, TABLES = 0x230000 };

extern uint8_t *ram;
extern uint64_t clock_now;

/* Once; false: no memory. */
bool machine_start(void);
/* No guest: registers and tables are empty; memory is as it was. */
void machine_reset(void);
/* Looks whether what must hold does, on entry to the guest. */
void machine_check(void);
/* Can ES, DS, FS or GS be loaded with it? */
bool machine_loadable(uint32_t selector);
/* What must hold does not: says so and ends the program. Whoever runs the guest defines it. */
_Noreturn void broken(const char *what, uint32_t number);

#endif
