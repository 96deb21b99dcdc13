/*
 * Exceptions and interrupts, delivered through the guest's own IDT: gates, stacks from its TSS, error codes, double and
 * triple faults as the processor has them (SDM Vol. 3A, chapter 6).
 */
#ifndef EXCEPTIONS_H
#define EXCEPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Notes a fault of the instruction being emulated; always false, for `return exception_raise(...)`. */
bool exception_raise(uint32_t vector, uint32_t error);
/* The page fault that a guest access has just met (`last_fault`). */
bool exception_raise_page_fault(void);
/* CR2: the address of a page fault. */
void exception_set_address(uint32_t address);
/* Delivers what was noted. */
void exception_deliver_raised(void);

/* A fault or trap of the guest: EIP is what goes onto its stack. */
void exception_deliver(uint32_t vector, uint32_t error);
/* INT n, INT3, INTO, with EIP already behind them; a gate that the guest may not use faults with EIP back at `start`. */
void software_interrupt_deliver(uint32_t vector, uint32_t start);
/* An interrupt of a device. */
void interrupt_deliver(uint32_t vector);

#endif
