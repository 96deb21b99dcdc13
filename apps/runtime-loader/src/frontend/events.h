/* The guest's life: it runs until it traps, and what trapped is dealt with. */
#ifndef EVENTS_H
#define EVENTS_H

#include <stdint.h>

/* Never returns. The virtual processor is as it should start. */
_Noreturn void events_run(void);

/* HLT: nothing happens until an interrupt. */
void events_halt(void);
/* An instruction was executed with the trap flag on. */
void events_single_step(void);
/* No interrupt before the next instruction, if that one traps (STI; HLT and the like must stay together). */
void events_delay_interrupts(void);

#endif
