#include "tables.h"

#include "backend.h"
#include "bytes.h"
#include "frames.h"
#include "layout.h"
#include "shadow.h"
#include "walk.h"

enum { HASH_SIZE = 2048, OUT_OF_SYNC_MAX = 512 };
enum { TRACKED = 1, OUT_OF_SYNC = 2 };

/* Large, and written before they are read: nobody has to zero them at the start. */
#define UNSET __attribute__((section(".bss.unset")))

struct table tables[TABLE_COUNT];
static uint8_t memory[TABLE_COUNT][4096] __attribute__((aligned(4096))) UNSET;
/* What the memory of a table that is free holds: anything, nothing, or the monitor's own entries alone. */
enum { CONTENTS_ANY, CONTENTS_NONE, CONTENTS_OWN };
static uint8_t contents[TABLE_COUNT];
static uint16_t hash[HASH_SIZE];
static uint32_t free_list[TABLE_COUNT], free_count;
static bool recycled;

static uint8_t frame_state[FRAME_COUNT];
/* Entries are numbered table * 1024 + index; 0 ends a chain, for table 0 does not exist. */
static uint32_t writers[FRAME_COUNT];
static uint32_t next_writer[TABLE_COUNT][1024] UNSET;
static uint32_t frame_end;   /* beyond the last frame that has a state or a writer */

static uint32_t out_of_sync[OUT_OF_SYNC_MAX], out_of_sync_count;

uint32_t table_frame(uint32_t table) {
  return backend_frame_of(memory[0]) + table;
}

uint32_t table_of(uint32_t frame) {
  uint32_t table = frame - backend_frame_of(memory[0]);
  return table < TABLE_COUNT ? table : 0;
}

uint32_t *table_entry(uint32_t table, uint32_t index) {
  return (uint32_t *)memory[table] + (vcpu.cr4 & CR4_PAE ? index * 2 : index);
}

void table_clear(uint32_t table, bool top) {
  bool blank = contents[table] == CONTENTS_NONE || (top && contents[table] == CONTENTS_OWN);
  if (!blank) memset(memory[table], 0, sizeof memory[table]);
  contents[table] = CONTENTS_ANY;
  if (top) backend_own_entries((uint32_t *)memory[table], vcpu.cr4 & CR4_PAE);
}

static uint32_t hash_of(uint32_t frame) {
  return (frame * 0x9e3779b1u) >> 21;
}

void tables_reset(void) {
  for (uint32_t table = 0; table < TABLE_COUNT; table++)
    if (contents[table] == CONTENTS_OWN) contents[table] = CONTENTS_ANY;   /* of another format, perhaps */
  memset(tables, 0, sizeof tables);
  memset(hash, 0, sizeof hash);
  memset(frame_state, 0, frame_end * sizeof frame_state[0]);
  memset(writers, 0, frame_end * sizeof writers[0]);
  frame_end = 0;
  out_of_sync_count = free_count = 0;
  for (uint32_t table = SAFE_TABLE - 1; table > 0; table--) free_list[free_count++] = table;
}

static void frame_used(uint32_t frame) {
  if (frame >= frame_end) frame_end = frame + 1;
}

/* Does a table of this kind follow what a guest wrote into its frame? */
static bool follows(const struct table *table) {
  return table->kind != TABLE_LARGE && table->frame < FRAME_COUNT && frame_kind(table->frame) == FRAME_RAM;
}

uint32_t table_first(uint32_t frame) {
  uint32_t table = hash[hash_of(frame)];
  while (table != 0 && tables[table].frame != frame) table = tables[table].next;
  return table;
}

uint32_t table_next(uint32_t table) {
  uint32_t frame = tables[table].frame;
  do table = tables[table].next;
  while (table != 0 && tables[table].frame != frame);
  return table;
}

uint32_t table_find(enum table_kind kind, uint32_t frame, bool user) {
  for (uint32_t table = hash[hash_of(frame)]; table != 0; table = tables[table].next)
    if (tables[table].frame == frame && tables[table].kind == kind && tables[table].user == user) return table;
  return 0;
}

static bool is_directory(uint32_t kind) {
  return kind == TABLE_DIRECTORY || kind == TABLE_TOP_DIRECTORY;
}

/* Frees abandoned tables, once no directory points to one any more. */
static void sweep(void) {
  for (uint32_t table = 1; table < TABLE_COUNT; table++) {
    if (!is_directory(tables[table].kind)) continue;
    for (uint32_t index = tables[table].low; index < tables[table].high; index++) {
      uint32_t *entry = table_entry(table, index);
      if (!(*entry & ENTRY_PRESENT)) continue;
      uint32_t child = table_of(*entry >> 12);
      if (child != 0 && tables[child].kind == TABLE_ABANDONED) *entry = 0;
    }
  }
  for (uint32_t table = TABLE_COUNT - 1; table > 0; table--) {
    if (tables[table].kind != TABLE_ABANDONED) continue;
    tables[table].kind = TABLE_FREE;
    free_list[free_count++] = table;
    recycled = true;
  }
}

bool tables_recycled(void) {
  bool answer = recycled;
  recycled = false;
  return answer;
}

uint32_t table_new(enum table_kind kind, uint32_t frame, bool user) {
  if (free_count == 0) sweep();
  if (free_count == 0) return 0;
  uint32_t table = free_list[--free_count];
  uint16_t *head = &hash[hash_of(frame)];
  tables[table] = (struct table){.frame = frame, .kind = (uint8_t)kind, .user = user, .low = 1024, .next = *head};
  *head = (uint16_t)table;
  table_clear(table, kind == TABLE_TOP_DIRECTORY);
  if (follows(&tables[table]) && !(frame_state[frame] & TRACKED)) {
    frame_state[frame] |= TRACKED;
    frame_used(frame);
    frame_out_of_sync(frame);
  }
  return table;
}

void table_drop(uint32_t table) {
  struct table *t = &tables[table];
  uint16_t *link = &hash[hash_of(t->frame)];
  while (*link != table) link = &tables[*link].next;
  *link = t->next;
  if (is_directory(t->kind)) {
    for (uint32_t index = t->low; index < t->high; index++) *table_entry(table, index) = 0;
    contents[table] = t->kind == TABLE_TOP_DIRECTORY ? CONTENTS_OWN : CONTENTS_NONE;
    t->kind = TABLE_FREE;
    free_list[free_count++] = table;
    return;
  }
  for (uint32_t index = t->low; t->present > 0; index++) page_entry_set(table, index, 0);
  contents[table] = CONTENTS_NONE;
  t->kind = TABLE_ABANDONED;
}

static void unlink_writer(uint32_t frame, uint32_t table, uint32_t index) {
  uint32_t *link = &writers[frame];
  while (*link != table * 1024 + index) link = &next_writer[*link / 1024][*link % 1024];
  *link = next_writer[table][index];
}

static bool maps_writable(uint32_t entry) {
  return (entry & (ENTRY_PRESENT | ENTRY_WRITE)) == (ENTRY_PRESENT | ENTRY_WRITE) && entry >> 12 < FRAME_COUNT;
}

static void widen(struct table *t, uint32_t index) {
  if (index < t->low) t->low = (uint16_t)index;
  if (index >= t->high) t->high = (uint16_t)(index + 1);
}

void directory_entry_used(uint32_t directory, uint32_t index) {
  widen(&tables[directory], index);
}

void page_entry_set(uint32_t table, uint32_t index, uint32_t value) {
  uint32_t *entry = table_entry(table, index), old = *entry;
  if (old == value) return;
  if (old & ENTRY_PRESENT) translations_forget();
  if (maps_writable(old)) unlink_writer(old >> 12, table, index);
  if (maps_writable(value)) {
    frame_used(value >> 12);
    next_writer[table][index] = writers[value >> 12];
    writers[value >> 12] = table * 1024 + index;
  }
  if (value != 0) widen(&tables[table], index);
  tables[table].present += (uint16_t)((value & ENTRY_PRESENT) - (old & ENTRY_PRESENT));
  *entry = value;
}

bool frame_in_sync(uint32_t frame) {
  return frame < FRAME_COUNT && (frame_state[frame] & (TRACKED | OUT_OF_SYNC)) == TRACKED;
}

bool frame_is_out_of_sync(uint32_t frame) {
  return frame < FRAME_COUNT && frame_state[frame] & OUT_OF_SYNC;
}

void frame_out_of_sync(uint32_t frame) {
  if (frame_state[frame] & OUT_OF_SYNC) return;
  frame_state[frame] |= OUT_OF_SYNC;
  out_of_sync[out_of_sync_count++] = frame;
}

bool out_of_sync_full(void) {
  return out_of_sync_count > OUT_OF_SYNC_MAX - 16;
}

bool out_of_sync_take(uint32_t *frame) {
  if (out_of_sync_count == 0) return false;
  *frame = out_of_sync[--out_of_sync_count];
  return true;
}

void frame_protect(uint32_t frame) {
  bool tracked = false, changed = false;
  for (uint32_t table = table_first(frame); table != 0; table = table_next(table)) tracked |= follows(&tables[table]);
  frame_state[frame] = tracked ? TRACKED : 0;
  if (!tracked) return;
  while (writers[frame] != 0) {
    uint32_t number = writers[frame];
    uint32_t *entry = table_entry(number / 1024, number % 1024);
    writers[frame] = next_writer[number / 1024][number % 1024];
    *entry &= ~(uint32_t)ENTRY_WRITE;
    changed = true;
  }
  if (changed) translations_forget();
}
