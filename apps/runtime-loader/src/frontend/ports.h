/* Port input and output of the guest. */
#ifndef PORTS_H
#define PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "decode.h"

/* Memory in KiB; seconds since 1970-01-01. */
void ports_start(uint32_t memory_kib, uint32_t epoch);
/* IN, OUT, INS and OUTS; false: `exception_raise` was called. A repeated one does one step at a time, `*again` then. */
bool port_instruction(const struct instruction *instruction, bool *again);

/* Lets the devices follow the time, and takes what the console has. */
void devices_follow(void);
/* Is an interrupt waiting, as far as the devices have followed the time? */
bool devices_wait(void);
/* The vector of the waiting interrupt, which is thereby accepted; -1: it is gone. */
int devices_take_interrupt(void);
/* Has the guest touched a device since this was last asked? Then the next event may have changed. */
bool devices_touched(void);
/* When the devices have something to do next. */
uint64_t devices_deadline(void);

#endif
