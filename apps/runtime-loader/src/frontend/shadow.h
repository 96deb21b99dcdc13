/* Shadow paging: what the guest's kernel and its user programs see, made from the guest's page tables as it is touched. */
#ifndef SHADOW_H
#define SHADOW_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Answers of `shadow_reach` for pages that are memory of the guest. One holds until an entry of a shadow table is taken away or
 * restricted, or another table is in use: all of them are forgotten then, by a new generation.
 */
struct translation {
  uint32_t page;   /* its address, and the access that it was for; one for writing is for reading, too */
  uint32_t generation, frame;
};
enum { TRANSLATIONS = 64, TRANSLATION_WRITE = 2 };
extern struct translation translations[TRANSLATIONS];
extern uint32_t translations_generation;
void translations_forget(void);

static inline bool translation_known(uint32_t address, uint32_t access, uint32_t *frame) {
  const struct translation *t = &translations[(address >> 12) % TRANSLATIONS];
  uint32_t differs = t->page ^ ((address & ~4095u) | access);
  *frame = t->frame;
  return (differs & ~(t->page & TRANSLATION_WRITE)) == 0 && t->generation == translations_generation;
}

struct shadow_fault {
  bool refused;
  uint32_t error;   /* the page fault's error code */
};

/*
 * Makes the page at `address` accessible (`ACCESS_` bits) if the guest's tables permit it, and gives the frame that is mapped;
 * one that is not the guest's stands for absent memory.
 */
struct shadow_fault shadow_reach(uint32_t address, uint32_t access, uint32_t *frame);

/* CR3 was loaded, or CR4.PGE changed: whatever the guest changed in its tables counts from now on. */
void shadow_root_changed(void);
/* INVLPG. */
void shadow_invalidate(uint32_t address);
/* The meaning of all tables has changed (CR0.PG, CR0.WP, CR4.PSE, CR4.PAE). */
void shadow_reset(void);

/* Before the guest runs: has the processor see what it should see, as the guest's kernel or its user programs. */
void shadow_prepare(bool user);

#endif
