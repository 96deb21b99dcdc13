/* Port input and output of the guest. */
#ifndef PORTS_H
#define PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "decode.h"

void ports_start(uint32_t memory_kib);
/* IN, OUT, INS and OUTS; false: `exception_raise` was called. A repeated one does one step at a time, `*again` then. */
bool port_instruction(const struct instruction *instruction, bool *again);

/* Lets the devices follow the time. */
void devices_follow(void);
/* The vector of a waiting interrupt, which is thereby accepted; -1: none waits. */
int devices_take_interrupt(void);
bool devices_wait(void);
/* When the host has to interrupt the guest. */
uint64_t devices_deadline(void);

#endif
