/*
 * The guest's memory by its own addresses. Every access goes through the guest's page tables: what the guest may not
 * touch, the monitor does not touch for it; a refused access becomes the guest's page fault.
 */
#ifndef GUEST_MEMORY_H
#define GUEST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vcpu.h"

/* The ways to access: as the guest's kernel or as its user programs. */
enum { ACCESS_WRITE = 2, ACCESS_USER = 4 };
/* As the one of them that is running. */
static inline uint32_t present_access(void) {
  return vcpu.cpl == 3 ? ACCESS_USER : 0;
}

/* The page fault that an access met. */
struct page_fault {
  uint32_t address, error;
};
extern struct page_fault last_fault;

/* [address, address + size), wrapping around; false: `last_fault` says why, and a write has changed nothing on the page that failed. */
bool guest_read(uint32_t address, void *to, size_t size, uint32_t access);
bool guest_write(uint32_t address, const void *from, size_t size, uint32_t access);
/*
 * A view of the byte at `address` and of those behind it on the same page, good until the next access to memory. Null: as for `guest_read`.
 */
const uint8_t *guest_view(uint32_t address, uint32_t access);
/* Can all of it be written? */
bool guest_writable(uint32_t address, size_t size, uint32_t access);

/* Physical memory of the guest: absent frames read as ones and ignore writes. */
uint32_t physical_read(uint32_t address);
void physical_write(uint32_t address, uint32_t value);

#endif
