/*
 * The sites: those of the kernel, which are annotated, and those of modules, which come and go. What stood where a one-byte trap
 * stands now, and how often each site trapped.
 */
#ifndef SITES_H
#define SITES_H

#include <stdbool.h>
#include <stdint.h>

enum { SITE_MAX = 16384, SITE_KINDS = 256 };
enum { TRAP_OPCODE = 0xf4 };   /* HLT: one byte, and a fault outside ring 0 */

struct site {
  uint32_t address;
  uint8_t first_byte, kind, trapped, module;
  uint32_t traps;
};

/* Read by whoever reads the machine's memory (docs/formats.md, "Monitor"). */
struct site_table {
  uint32_t magic, count;
  uint32_t kind_traps[SITE_KINDS];   /* by kind of the instruction */
  uint32_t vector_exits[256];        /* by vector, and one for each interrupt of the host */
  struct site sites[SITE_MAX];
};
extern struct site_table site_table;

/* The site at an address of the guest, virtual or (paging off) physical; null if none is there. */
struct site *site_at(uint32_t address);

/* Adds a site of a module, with a trap. False: there is no room, or a site is there already. */
bool site_add(uint32_t address, uint8_t first_byte, uint8_t kind);
/* Drops the sites of modules in [start, start + size). */
void sites_drop(uint32_t start, uint32_t size);
/* Drops the sites of modules that `stands` says no of. */
void sites_drop_unless(bool (*stands)(uint32_t address));

#endif
