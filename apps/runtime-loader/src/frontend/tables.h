/*
 * The store of shadow tables: which table shadows which of the guest's, for whom, and who may write where.
 *
 * Problem: the guest's page tables are data in its memory, written without a trap. What is derived from them has to be found again
 * (a process comes back; a page table is shared by all processes), and has to be redone when they change.
 *
 * A table is keyed by the guest frame it was made from, its kind, and whether it is for user programs. A guest frame
 * that some table was made from is *tracked*: in sync it is mapped read-only everywhere, so that the first write faults and
 * takes it *out of sync*; out of sync it may be written, and is on a list. The processor promises a guest nothing about
 * changed entries before CR3 is loaded or the page invalidated, and that is when the list is worked off (`shadow.c`).
 *
 * To make a frame read-only all entries that map it writable must be known: they are chained per frame through an
 * array parallel to the entries. Chains are short: pages that many processes can write are rare.
 */
#ifndef TABLES_H
#define TABLES_H

#include <stdbool.h>
#include <stdint.h>

enum table_kind {
  TABLE_FREE,
  TABLE_DIRECTORY,       /* of a guest directory */
  TABLE_TOP_DIRECTORY,   /* the same, and it holds the monitor's own entries */
  TABLE_PAGES,           /* of a guest page table */
  TABLE_LARGE,           /* the 4 KB pages of a large page; its frame is the first of them */
  TABLE_ABANDONED,       /* empty, but directories may still point here */
};

struct table {
  uint32_t frame;
  uint8_t kind, user;
  uint16_t idle;      /* times put in sync since an entry was last filled in */
  uint16_t present;   /* entries, in tables of pages */
  uint16_t low, high; /* all entries that are not 0 lie in [low, high) */
  uint16_t next;      /* table with the same hash */
};


/*
 * A table has the format of the guest's paging mode: 1024 entries of 32 bits, or with PAE 512 of 64 bits, whose upper halves are
 * always 0. It is named by its number, 1 to TABLE_COUNT - 1. Entries are written as the processor has them.
 */
enum { TABLE_COUNT = 2048 };
extern struct table tables[];

/* The frame of a table, for entries that point to it; and the table that such a frame is, or 0. */
uint32_t table_frame(uint32_t table);
uint32_t table_of(uint32_t frame);
/* The low word of an entry. */
uint32_t *table_entry(uint32_t table, uint32_t index);
/* All entries become 0. With `top`, those that show the monitor to itself are put in. */
void table_clear(uint32_t table, bool top);

/* Never handed out: for the processor to run on while all others are taken apart. */
#define SAFE_TABLE (TABLE_COUNT - 1)

void tables_reset(void);
/* Has a table been freed, since this was last asked, that the processor may still know from a directory? */
bool tables_recycled(void);

/* The table with this key, or 0. */
uint32_t table_find(enum table_kind kind, uint32_t frame, bool user);
/* A new, empty one; its frame becomes tracked, out of sync. 0: no table is free. */
uint32_t table_new(enum table_kind kind, uint32_t frame, bool user);
/* Forgets a table that nobody runs on. */
void table_drop(uint32_t table);
/* The first table made from `frame`, and the one behind `table`; 0 at the end. */
uint32_t table_first(uint32_t frame);
uint32_t table_next(uint32_t table);

/* The entry `index` of a directory is about to be set. */
void directory_entry_used(uint32_t directory, uint32_t index);
/* Sets an entry of a table of pages. */
void page_entry_set(uint32_t table, uint32_t index, uint32_t value);

/* May this frame be mapped writable as it is? */
bool frame_in_sync(uint32_t frame);
void frame_out_of_sync(uint32_t frame);
/* Is it on the list? */
bool frame_is_out_of_sync(uint32_t frame);
/* Is the list of frames out of sync so full that it has to be worked off? */
bool out_of_sync_full(void);
/* Takes a frame from the list, or gives false. */
bool out_of_sync_take(uint32_t *frame);
/* The frame is in sync: nobody may write it, if any table is still made from it. */
void frame_protect(uint32_t frame);

#endif
