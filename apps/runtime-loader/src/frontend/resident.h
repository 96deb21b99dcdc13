/* The resident area in the guest: stubs, and the words that they share with the monitor. */
#ifndef FRONTEND_RESIDENT_H
#define FRONTEND_RESIDENT_H

#include <stdbool.h>

#include "shared.h"

/* Good until the next access to the guest's memory. */
volatile struct shared_words *resident_words(void);

/* Is an address of the guest's kernel in the resident area? It is mapped in every address space, whatever the guest's tables say. */
bool resident_contains(uint32_t address);
uint32_t resident_frame(uint32_t address);

/* Tells the stubs whether an interrupt waits for the flag, and what the control registers are. */
void resident_publish_pending(bool pending);
void resident_publish_control(void);

#endif
