/* The window onto the guest's memory, the monitor's own entries in every view, and the two formats of page tables. */
#include "bytes.h"
#include "../../frontend/backend.h"
#include "layout.h"
#include "monitor.h"

enum { PAGE_PRESENT = 1, PAGE_WRITE = 2, PAGE_ACCESSED = 0x20, PAGE_DIRTY = 0x40, PAGE_LARGE = 0x80, PAGE_GLOBAL = 0x100 };
#define PAGE_OURS (PAGE_PRESENT | PAGE_WRITE | PAGE_ACCESSED | PAGE_DIRTY | PAGE_GLOBAL)
enum { CR4_PSE_BIT = 0x10, CR4_PAE_BIT = 0x20, CR4_PGE_BIT = 0x80 };

static uint8_t window_tables[8][4096] __attribute__((aligned(4096)));
static uint8_t low_directory[4096] __attribute__((aligned(4096))), top_directory[4096] __attribute__((aligned(4096)));
static uint64_t root_pointers[4] __attribute__((aligned(32)));
static bool pae;

extern uint8_t boot_directory[];
extern uint64_t boot_pointers[4];
void switch_paging(uint32_t cr3, uint32_t cr4);

static uint32_t physical(const void *address) {
  return (uint32_t)address - MONITOR_LINEAR + MONITOR_PHYSICAL;
}

/*
 * The window is a cache: frame f is shown in slot f mod 4096, so most accesses find it there already. Whoever holds a
 * pointer must not ask for another frame.
 */
void *backend_window(uint32_t frame) {
  uint32_t slot = frame % (WINDOW_SIZE / 4096);
  uint32_t *entry = (uint32_t *)window_tables + (pae ? slot * 2 : slot);
  uint8_t *page = (uint8_t *)(WINDOW_LINEAR + slot * 4096);
  uint32_t wanted = frame << 12 | PAGE_OURS;
  if (*entry == wanted) return page;
  *entry = wanted;
  __asm__ volatile("invlpg (%0)" : : "r"(page) : "memory");
  return page;
}

uint32_t backend_frame_of(const void *page) {
  return physical(page) >> 12;
}

/* ---- tables ---- */

void backend_own_entries(uint32_t *directory, bool wide) {
  uint32_t bits = wide ? 21 : 22, stride = wide ? 2 : 1, mask = wide ? 511 : 1023;
  for (uint32_t at = 0; at < MONITOR_SIZE; at += 1u << bits)
    directory[((MONITOR_LINEAR + at) >> bits & mask) * stride] = (MONITOR_PHYSICAL + at) | PAGE_OURS | PAGE_LARGE;
  for (uint32_t at = 0; at < WINDOW_SIZE; at += 1u << bits)
    directory[((WINDOW_LINEAR + at) >> bits & mask) * stride] = physical(window_tables[at >> bits]) | (PAGE_OURS & ~PAGE_GLOBAL);
}

static void load_cr3(uint32_t value) {
  __asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

void backend_flush_page(uint32_t address) {
  __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

/* Tables that map the monitor, and low memory one to one, for the switch itself. */
static void prepare_boot_pointers(void) {
  uint64_t *low = (uint64_t *)low_directory;
  for (uint32_t i = 0; i < 512; i++) low[i] = (uint64_t)i << 21 | PAGE_PRESENT | PAGE_WRITE | PAGE_LARGE;
  memset(top_directory, 0, sizeof top_directory);
  backend_own_entries((uint32_t *)top_directory, true);
  boot_pointers[0] = physical(low_directory) | PAGE_PRESENT;
  boot_pointers[3] = physical(top_directory) | PAGE_PRESENT;
}

static uint32_t read_cr4(void) {
  uint32_t value;
  __asm__ volatile("mov %%cr4, %0" : "=r"(value));
  return value;
}

/* To the other format of tables, by way of the monitor's own. */
static void change_format(bool wide) {
  pae = wide;
  memset(window_tables, 0, sizeof window_tables);
  if (pae) prepare_boot_pointers();
  uint32_t cr4 = (read_cr4() & ~(uint32_t)CR4_PAE_BIT) | (pae ? CR4_PAE_BIT : 0);
  /* Global pages would survive the change. */
  switch_paging(pae ? physical(boot_pointers) : physical(boot_directory), cr4 & ~(uint32_t)CR4_PGE_BIT);
  __asm__ volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
}

void backend_root_load(bool wide, const uint32_t directories[4]) {
  if (wide != pae) change_format(wide);
  if (!pae) {
    load_cr3(directories[0] << 12);
    return;
  }
  for (uint32_t i = 0; i < 4; i++) root_pointers[i] = directories[i] == 0 ? 0 : (uint64_t)directories[i] << 12 | PAGE_PRESENT;
  load_cr3(physical(root_pointers));
}

void paging_start(void) {
  backend_own_entries((uint32_t *)boot_directory, false);
  __asm__ volatile("mov %0, %%cr4" : : "r"(CR4_PSE_BIT | CR4_PGE_BIT) : "memory");
}
