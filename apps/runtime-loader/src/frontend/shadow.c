/*
 * Two views of every address space: the kernel's has all pages, the user's only those that the guest marked so; in both
 * the user bit is set, since both run in ring 3, and the monitor's pages are in both and without it.
 *
 * Invariant: an entry of a table whose guest frame is in sync permits nothing that the guest's entry does not permit.
 */
#include "shadow.h"

#include "backend.h"
#include "bytes.h"
#include "frames.h"
#include "layout.h"
#include "resident.h"
#include "tables.h"
#include "walk.h"

/* Accessed and dirty are set beforehand: the guest's own bits are kept by `walk`. */
enum { ENTRY_BASE = ENTRY_PRESENT | ENTRY_USER | ENTRY_ACCESSED | ENTRY_DIRTY };
/* A table that is put in sync so often without being used is forgotten. */
enum { IDLE_MAX = 4 };
/* Keys of directories that are made from no guest frame: one per gigabyte with paging off, and one without entries. */
#define FLAT_DIRECTORIES 0xfffffff0u
#define EMPTY_DIRECTORY 0xfffffff8u

static uint32_t roots[2][4];    /* by view and gigabyte; 0 where there is none (yet) */
static uint32_t loaded[4];      /* what the processor runs on */
static bool loaded_user, load_pending;

struct translation translations[TRANSLATIONS];
uint32_t translations_generation = 1;

void translations_forget(void) {
  if (++translations_generation != 0) return;
  memset(translations, 0, sizeof translations);
  translations_generation = 1;
}

_Static_assert((int)TRANSLATION_WRITE == (int)ACCESS_WRITE, "the same bit");

static void remember(uint32_t address, uint32_t access, uint32_t frame) {
  if (frame_kind(frame) != FRAME_RAM) return;
  translations[(address >> 12) % TRANSLATIONS] = (struct translation){(address & ~4095u) | access, translations_generation, frame};
}

static bool pae(void) {
  return vcpu.cr4 & CR4_PAE;
}

static void load(const uint32_t directories[4]) {
  uint32_t frames[4];
  memcpy(loaded, directories, sizeof loaded);
  for (uint32_t i = 0; i < 4; i++) frames[i] = loaded[i] == 0 ? 0 : table_frame(loaded[i]);
  backend_root_load(pae(), frames);
}

void shadow_reset(void) {
  const uint32_t safe[4] = {pae() ? 0 : SAFE_TABLE, 0, 0, SAFE_TABLE};
  /* The processor must run on something while everything else is taken apart. */
  table_clear(SAFE_TABLE, true);
  load(safe);
  tables_reset();
  memset(roots, 0, sizeof roots);
  translations_forget();
  load_pending = true;
}

static uint32_t gigabytes(void) {
  return pae() ? 4 : 1;
}

struct root_key {
  enum table_kind kind;
  uint32_t frame;
};

static struct root_key root_key(uint32_t number) {
  uint32_t frame = paging() ? directory_frame(number << 30) : FLAT_DIRECTORIES + number;
  return (struct root_key){!pae() || number == 3 ? TABLE_TOP_DIRECTORY : TABLE_DIRECTORY, frame == NO_FRAME ? EMPTY_DIRECTORY : frame};
}

static uint32_t root_found(struct root_key key, bool user) {
  uint32_t root = table_find(key.kind, key.frame, user);
  if (root != 0) tables[root].idle = 0;
  return root;
}

/* The directory for a gigabyte of a view; 0 if no table is free. */
static uint32_t root_of(bool user, uint32_t gigabyte) {
  uint32_t number = pae() ? gigabyte : 0;
  uint32_t *root = &roots[user][number];
  if (*root != 0) return *root;
  struct root_key key = root_key(number);
  *root = root_found(key, user);
  if (*root == 0) *root = table_new(key.kind, key.frame, user);
  return *root;
}

/* What both views have already: INVLPG has to reach it, also in the view that the guest does not run in. */
static void take_up_roots(void) {
  memset(roots, 0, sizeof roots);
  for (uint32_t number = 0; number < gigabytes(); number++)
    for (uint32_t user = 0; user < 2; user++) roots[user][number] = root_found(root_key(number), user);
}

/* Does CR0.WP let the kernel write what is read-only? */
static bool writes_all(bool user) {
  return !user && !(vcpu.cr0 & CR0_WP);
}

/* What a directory's entry has to be for the guest's `entry`, pointing to `child`. */
static uint32_t directory_entry(uint32_t child, bool user, uint32_t entry, bool large) {
  bool write = (entry & ENTRY_WRITE || writes_all(user)) && (!large || entry & ENTRY_DIRTY);
  return table_frame(child) << 12 | ENTRY_BASE | (write ? ENTRY_WRITE : 0);
}

/* The entry for a page of the guest; tracked frames are shown read-only unless `write` asks for more. */
static uint32_t page_entry(uint32_t frame, bool may_write, bool write) {
  if (frame == NO_FRAME || frame_kind(frame) != FRAME_RAM)
    return absent_frame(write) << 12 | ENTRY_BASE | (write ? ENTRY_WRITE : 0);
  if (may_write && frame_in_sync(frame)) {
    if (write) frame_out_of_sync(frame);
    else may_write = false;
  }
  return frame << 12 | ENTRY_BASE | (may_write ? ENTRY_WRITE : 0);
}

/* The table below the directory's entry: found, or made. */
static uint32_t child_for(const struct walk *w, bool user, uint32_t bits) {
  enum table_kind kind = w->large ? TABLE_LARGE : TABLE_PAGES;
  uint32_t frame = w->large ? w->frame & ~((1u << bits) - 1) : w->directory.low >> 12;
  uint32_t child = table_find(kind, frame, user);
  return child != 0 ? child : table_new(kind, frame, user);
}

/* Pages of a large page that are filled in together. */
enum { NEIGHBOURS = 16 };

/* All of a large page is there or nothing, so the pages around one that is touched come along, as long as they are memory. */
static void fill_neighbours(const struct walk *w, uint32_t child, uint32_t index) {
  uint32_t first = index & ~(NEIGHBOURS - 1u), frame = w->frame - (index - first);
  for (uint32_t i = 0; i < NEIGHBOURS; i++) {
    bool there = *table_entry(child, first + i) & ENTRY_PRESENT;
    if (!there && frame_kind(frame + i) == FRAME_RAM) page_entry_set(child, first + i, page_entry(frame + i, true, false));
  }
}

static void synchronise(void);
static void follow_pages(uint32_t table);

/* One attempt; false: tables ran out, everything was forgotten, try again. */
static bool fill(const struct walk *w, uint32_t address, uint32_t access, uint32_t *frame) {
  bool user = access & ACCESS_USER, write = access & ACCESS_WRITE;
  uint32_t bits = entry_bits();
  uint32_t root = root_of(user, address >> 30), child = child_for(w, user, bits);
  if (root == 0 || child == 0) {
    shadow_reset();
    return false;
  }
  uint32_t *entry = table_entry(root, directory_index(address, bits));
  uint32_t wanted = directory_entry(child, user, w->directory.low, w->large);
  if (*entry != wanted) {
    if (*entry & ENTRY_PRESENT) {
      load_pending = true;
      translations_forget();
    }
    /* INVLPG has not reached it while it was not linked. */
    if (!w->large && frame_is_out_of_sync(tables[child].frame)) follow_pages(child);
    directory_entry_used(root, directory_index(address, bits));
    *entry = wanted;
  }
  bool may_write = w->large || ((w->table.low & ENTRY_WRITE || writes_all(user)) && w->table.low & ENTRY_DIRTY);
  uint32_t page = page_entry(w->frame, may_write, write), index = table_index(address, bits);
  bool replaces = *table_entry(child, index) & ENTRY_PRESENT;
  page_entry_set(child, index, page);
  tables[child].idle = 0;
  if (replaces) backend_flush_page(address);
  if (w->large && w->frame != NO_FRAME) fill_neighbours(w, child, index);
  *frame = page >> 12;
  return true;
}

/* The page's entry if it is there and permits the access, else 0. */
static uint32_t cached(uint32_t address, uint32_t access) {
  uint32_t bits = entry_bits(), root = roots[access & ACCESS_USER ? 1 : 0][pae() ? address >> 30 : 0];
  if (root == 0) return 0;
  uint32_t needed = ENTRY_PRESENT | (access & ACCESS_WRITE);
  uint32_t upper = *table_entry(root, directory_index(address, bits));
  if ((upper & needed) != needed) return 0;
  uint32_t lower = *table_entry(table_of(upper >> 12), table_index(address, bits));
  return (lower & needed) == needed ? lower : 0;
}

/*
 * Stubs have to be there where the guest's kernel does not map them: in the page tables on which it enters and leaves user
 * programs. Only pages of the resident area are ever filled into the table that stands for this.
 */
static bool walk_resident(struct walk *w, uint32_t address, uint32_t access) {
  if (access & ACCESS_USER || !resident_contains(address)) return false;
  w->large = true;
  w->directory.low = ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USER | ENTRY_ACCESSED | ENTRY_DIRTY;
  w->directory.far = false;
  w->frame = resident_frame(address);
  return true;
}

struct shadow_fault shadow_reach(uint32_t address, uint32_t access, uint32_t *frame) {
  if (address >= MONITOR_LINEAR) return (struct shadow_fault){true, access & (FAULT_WRITE | FAULT_USER)};
  uint32_t entry = cached(address, access);
  if (entry != 0) {
    *frame = entry >> 12;
    remember(address, access, *frame);
    return (struct shadow_fault){false, 0};
  }
  if (out_of_sync_full()) synchronise();
  for (;;) {
    struct walk w;
    if (!walk(&w, address, access) && !walk_resident(&w, address, access)) return (struct shadow_fault){true, w.error};
    if (fill(&w, address, access, frame)) return (struct shadow_fault){false, 0};
  }
}

/* ---- following what the guest changed ---- */

static bool in_use(uint32_t directory) {
  for (uint32_t i = 0; i < 4; i++)
    if (directory == loaded[i] || directory == roots[0][i] || directory == roots[1][i]) return true;
  return false;
}

static bool directory_entry_right(uint32_t entry, bool user, const struct guest_entry *guest) {
  uint32_t child = table_of(entry >> 12), bits = entry_bits();
  if (child == 0 || tables[child].kind == TABLE_ABANDONED || !(guest->low & ENTRY_PRESENT) || guest->far) return false;
  if (user && !(guest->low & ENTRY_USER)) return false;
  bool large = guest->low & ENTRY_LARGE && (bits == 9 || vcpu.cr4 & CR4_PSE);
  uint32_t frame = large ? guest->low >> 12 & ~((1u << bits) - 1) : guest->low >> 12;
  if (tables[child].kind != (large ? TABLE_LARGE : TABLE_PAGES) || tables[child].frame != frame) return false;
  return entry == directory_entry(child, user, guest->low, large);
}

/* An entry of the table that `page` shows. */
static struct guest_entry entry_of(const uint32_t *page, uint32_t index) {
  if (!pae()) return (struct guest_entry){0, page[index], false};
  return (struct guest_entry){0, page[index * 2], page[index * 2 + 1] != 0};
}

static void follow_directory(uint32_t directory) {
  const struct table *t = &tables[directory];
  const uint32_t *page = backend_window(t->frame);
  uint32_t step = pae() ? 2 : 1;
  uint32_t *entry = table_entry(directory, t->low), *end = table_entry(directory, t->high);
  /* Most are empty. */
  for (uint32_t index = t->low; entry < end; index++, entry += step) {
    if (!(*entry & ENTRY_PRESENT)) continue;
    struct guest_entry guest = entry_of(page, index);
    if (directory_entry_right(*entry, t->user, &guest)) continue;
    *entry = 0;
    translations_forget();
  }
}

static bool page_entry_right(uint32_t entry, bool user, const struct guest_entry *guest) {
  uint32_t needed = ENTRY_PRESENT | ENTRY_ACCESSED | (user ? ENTRY_USER : 0);
  if ((guest->low & needed) != needed) return false;
  if (guest->far || frame_kind(guest->low >> 12) != FRAME_RAM) return frame_kind(entry >> 12) != FRAME_RAM;
  if (entry >> 12 != guest->low >> 12) return false;
  return !(entry & ENTRY_WRITE) || (guest->low & ENTRY_DIRTY && (guest->low & ENTRY_WRITE || writes_all(user)));
}

static void follow_pages(uint32_t table) {
  const struct table *t = &tables[table];
  const uint32_t *page = backend_window(t->frame);
  for (uint32_t index = t->low, left = t->present; left > 0; index++) {
    uint32_t entry = *table_entry(table, index);
    if (!(entry & ENTRY_PRESENT)) continue;
    left--;
    struct guest_entry guest = entry_of(page, index);
    if (!page_entry_right(entry, t->user, &guest)) page_entry_set(table, index, 0);
  }
}

static void follow(uint32_t table) {
  bool directory = tables[table].kind != TABLE_PAGES;
  bool idle = ++tables[table].idle > IDLE_MAX;
  if (directory) {
    if (idle && !in_use(table)) table_drop(table);
    else follow_directory(table);
    return;
  }
  if (!idle) follow_pages(table);
  /* An empty one is made anew more cheaply than its frame is watched. */
  if (idle || tables[table].present == 0) table_drop(table);
}

/* Works off the list of frames out of sync. */
static void synchronise(void) {
  for (uint32_t frame; out_of_sync_take(&frame);) {
    for (uint32_t table = table_first(frame), next; table != 0; table = next) {
      next = table_next(table);
      if (tables[table].kind != TABLE_LARGE) follow(table);
    }
    frame_protect(frame);
  }
  load_pending = true;
}

void shadow_root_changed(void) {
  memset(roots, 0, sizeof roots);
  translations_forget();
  synchronise();
  take_up_roots();
}

/*
 * A page that is not there will be filled in anew, and so will the directory's entry on the way to it. Only a large page reaches beyond
 * its own entry: there the directory is asked.
 */
static void invalidate_large(bool user, uint32_t root, uint32_t index) {
  /* What was made from a directory in sync is right. */
  if (!paging() || tables[root].frame >= FLAT_DIRECTORIES || frame_in_sync(tables[root].frame)) return;
  struct guest_entry guest = guest_entry_read(tables[root].frame, index);
  if (directory_entry_right(*table_entry(root, index), user, &guest)) return;
  *table_entry(root, index) = 0;
  load_pending = true;
  translations_forget();
}

void shadow_invalidate(uint32_t address) {
  if (address >= MONITOR_LINEAR) return;
  uint32_t bits = entry_bits(), upper = directory_index(address, bits);
  for (uint32_t user = 0; user < 2; user++) {
    uint32_t root = roots[user][pae() ? address >> 30 : 0];
    if (root == 0) continue;
    uint32_t entry = *table_entry(root, upper);
    if (!(entry & ENTRY_PRESENT)) continue;
    uint32_t child = table_of(entry >> 12);
    if (tables[child].kind == TABLE_LARGE) invalidate_large(user, root, upper);
    else if (tables[child].present != 0) page_entry_set(child, table_index(address, bits), 0);
  }
  backend_flush_page(address);
}

void shadow_prepare(bool user) {
  if (tables_recycled()) load_pending = true;
  if (!load_pending && user == loaded_user) return;
  uint32_t directories[4] = {0};
  for (uint32_t i = 0; i < gigabytes(); i++) {
    directories[i] = root_of(user, i);
    if (directories[i] != 0) continue;
    shadow_reset();
    i = (uint32_t)-1;   /* all again, with every table free */
  }
  load(directories);
  loaded_user = user;
  load_pending = false;
}
