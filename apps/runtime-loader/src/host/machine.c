#include "machine.h"

#include <stdlib.h>
#include <string.h>

#include "../boot/multiboot.h"
#include "../frontend/frames.h"
#include "../frontend/tables.h"
#include "../frontend/walk.h"

struct vcpu vcpu;
uint8_t *ram;
uint64_t clock_now;
static uint64_t rows[2][2][DESCRIPTOR_COUNT];
static uint32_t running[4], segment_fs, segment_gs;
static bool pae, user_view;

bool machine_start(void) {
  ram = calloc(RAM_FRAMES, 4096);
  if (ram == NULL) return false;
  frames_start(&(struct machine){.region_count = 1, .regions = {{0, (uint64_t)RAM_FRAMES * 4096, REGION_USABLE}}});
  return true;
}

void machine_reset(void) {
  memset(&vcpu, 0, sizeof vcpu);
  descriptors_follow();   /* empty tables */
  segment_fs = segment_gs = 0;
  pae = false;
}

/* ---- memory ---- */

void *backend_window(uint32_t frame) {
  if (frame_kind(frame) != FRAME_RAM) broken("a window onto what is not the guest's, frame", frame);
  return ram + (size_t)frame * 4096;
}

uint32_t backend_frame_of(const void *page) {
  extern const uint8_t __executable_start[];
  return OWN_FRAME + (uint32_t)(((uintptr_t)page - (uintptr_t)__executable_start) >> 12);
}

void backend_own_entries(uint32_t *directory, bool wide) {
  for (uint32_t at = wide ? 480 : 1008; at < (wide ? 512u : 1024u); at++) directory[wide ? at * 2 : at] = MONITOR_FRAME << 12 | 0x183;
}

void backend_root_load(bool wide, const uint32_t directories[4]) {
  pae = wide;
  memcpy(running, directories, sizeof running);
}

void backend_flush_page(uint32_t address) {
  (void)address;
}

/* ---- the processor ---- */

void backend_descriptor_set(bool user, bool local, uint32_t index, uint64_t descriptor) {
  if (index >= DESCRIPTOR_COUNT) broken("no row", index);
  if (descriptor != 0 && (!descriptor_is_segment(descriptor) || descriptor_dpl(descriptor) != 3)) broken("a hostile row", index);
  rows[user][local][index] = descriptor;
}

void backend_descriptors_use(bool user) {
  user_view = user;
}

bool machine_loadable(uint32_t selector) {
  uint32_t index = selector >> 3 & 0x1fff;
  if ((selector & 0xfffc) == 0) return true;
  if (index >= DESCRIPTOR_COUNT) return false;
  uint64_t row = rows[vcpu.cpl == 3][selector >> 2 & 1][index];
  return descriptor_is_readable(row) && descriptor_present(row);
}

uint32_t backend_segment(enum segment_register segment) {
  return segment == SEGMENT_FS ? segment_fs : segment_gs;
}

bool backend_segment_load(enum segment_register segment, uint32_t selector) {
  bool right = machine_loadable(selector);
  *(segment == SEGMENT_FS ? &segment_fs : &segment_gs) = right ? selector & 0xffff : 0;
  return right;
}

void backend_fpu_control(uint32_t cr0, uint32_t cr4) {
  (void)cr0, (void)cr4;
}

uint64_t backend_now(void) {
  return clock_now;
}

void backend_timer_set(uint64_t deadline) {
  (void)deadline;
}

/* ---- what must hold ---- */

static void check_leaf(uint32_t entry, uint32_t address) {
  uint32_t frame = entry >> 12;
  if (frame == absent_frame(false) ? entry & ENTRY_WRITE : frame != absent_frame(true) && frame_kind(frame) != FRAME_RAM)
    broken("the guest sees what is not its own, at", address);
}

/* The guest's own entry for a page that its user programs see, as far as the tables that lead there are in sync. */
static void check_user(uint32_t table, uint32_t index, uint32_t entry, uint32_t address) {
  if (tables[table].kind != TABLE_PAGES || !frame_in_sync(tables[table].frame)) return;
  struct guest_entry guest = guest_entry_read(tables[table].frame, index);
  if (!(guest.low & ENTRY_PRESENT) || !(guest.low & ENTRY_USER)) broken("user programs see a page that they should not, at", address);
  if (entry & ENTRY_WRITE && !(guest.low & ENTRY_WRITE)) broken("user programs can write a page that they should not, at", address);
}

static void check_directory(uint32_t directory, uint32_t gigabyte) {
  uint32_t bits = pae ? 9 : 10, count = 1u << bits;
  bool top = !pae || gigabyte == 3;
  if (tables[directory].kind != (top ? TABLE_TOP_DIRECTORY : TABLE_DIRECTORY)) broken("not a directory that it runs on, table", directory);
  for (uint32_t upper = 0; upper < count; upper++) {
    uint32_t entry = *table_entry(directory, upper), address = gigabyte << 30 | upper << (12 + bits);
    if (!(entry & ENTRY_PRESENT)) continue;
    if (top && address >= MONITOR_LINEAR) {
      if (entry & ENTRY_USER) broken("the monitor is visible, at", address);
      continue;
    }
    uint32_t child = table_of(entry >> 12);
    if (child == 0 || entry & ENTRY_LARGE) broken("a directory's entry leads to no table, at", address);
    uint32_t kind = tables[child].kind;
    if (kind != TABLE_PAGES && kind != TABLE_LARGE && kind != TABLE_ABANDONED) broken("a table is something else, at", address);
    if (tables[child].user != user_view && kind != TABLE_ABANDONED) broken("a table of the other view, at", address);
    for (uint32_t index = 0; index < count; index++) {
      uint32_t page = *table_entry(child, index), at = address | index << 12;
      if (!(page & ENTRY_PRESENT)) continue;
      if (kind == TABLE_ABANDONED) broken("an abandoned table is not empty, at", at);
      check_leaf(page, at);
      if (page & ENTRY_WRITE && frame_in_sync(page >> 12)) broken("a page table can be written without notice, at", at);
      if (user_view) check_user(child, index, page, at);
    }
  }
}

void machine_check(void) {
  if (user_view != (vcpu.cpl == 3)) broken("the wrong view", vcpu.cpl);
  for (uint32_t i = 0; i < 4; i++)
    if (running[i] != 0) check_directory(table_of(running[i]), i);
  uint64_t code = 0, stack = 0;
  uint32_t cs = vcpu.regs.cs, ss = vcpu.regs.ss;
  if ((cs >> 3 & 0x1fff) < DESCRIPTOR_COUNT) code = rows[user_view][cs >> 2 & 1][cs >> 3 & 0x1fff];
  if ((ss >> 3 & 0x1fff) < DESCRIPTOR_COUNT) stack = rows[user_view][ss >> 2 & 1][ss >> 3 & 0x1fff];
  if ((cs & 3) != 3 || !descriptor_is_code(code) || !descriptor_present(code)) broken("the processor cannot load CS", cs);
  if ((ss & 3) != 3 || !descriptor_is_writable_data(stack) || !descriptor_present(stack)) broken("the processor cannot load SS", ss);
  if (vcpu.regs.eflags & (FLAG_VM | FLAG_IOPL)) broken("flags that the guest must not have", vcpu.regs.eflags);
}
