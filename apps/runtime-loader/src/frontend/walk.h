/* The guest's own page tables (SDM Vol. 3A, 4.3 and 4.4), read as the processor would. */
#ifndef WALK_H
#define WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "memory.h"

enum { ENTRY_PRESENT = 1, ENTRY_WRITE = 2, ENTRY_USER = 4, ENTRY_ACCESSED = 0x20, ENTRY_DIRTY = 0x40, ENTRY_LARGE = 0x80, ENTRY_GLOBAL = 0x100 };
enum { FAULT_PRESENT = 1, FAULT_WRITE = 2, FAULT_USER = 4, FAULT_RESERVED = 8 };

#define NO_FRAME 0xffffffffu

/* One level of a translation. */
struct guest_entry {
  uint32_t address;   /* physical address of the entry, 0 where there is none (paging off) */
  uint32_t low;
  bool far;           /* points above 4 GB: into nothing */
};

struct walk {
  uint32_t error;          /* of the page fault, if it failed */
  struct guest_entry directory, table;
  bool large;              /* the directory's entry maps a large page; `table` is empty */
  uint32_t frame;          /* of the 4 KB page; NO_FRAME: beyond 4 GB */
};

/* Shape of the tables in use. */
uint32_t entry_bits(void);   /* log2 of the entries of a table: 10, with PAE 9 */
static inline uint32_t directory_index(uint32_t address, uint32_t bits) {
  return (address >> (12 + bits)) & ((1u << bits) - 1);
}
static inline uint32_t table_index(uint32_t address, uint32_t bits) {
  return (address >> 12) & ((1u << bits) - 1);
}

/* The frame of the page directory for `address`; NO_FRAME if there is none. */
uint32_t directory_frame(uint32_t address);
/* One entry of a table or directory in the guest's memory. */
struct guest_entry guest_entry_read(uint32_t frame, uint32_t index);

/* Translates; true: the access is allowed, and accessed and dirty bits are set. */
bool walk(struct walk *walk, uint32_t address, uint32_t access);

#endif
