#include "sites.h"

#include "backend.h"

#define PAGE_OFFSET 0xc0000000u

_Static_assert(sizeof site_table == 8 + 4 * SITE_KINDS + 4 * 256 + 12 * SITE_MAX, "docs/formats.md says how large the table is");
struct site_table site_table;

/* What was asked before: few sites trap, and again and again. */
static struct site *remembered[1024];

static struct site *search(uint32_t address) {
  uint32_t low = 0, high = site_table.count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (site_table.sites[middle].address < address) low = middle + 1;
    else high = middle;
  }
  return low < site_table.count && site_table.sites[low].address == address ? &site_table.sites[low] : 0;
}

struct site *site_at(uint32_t address) {
  if (!paging()) address += PAGE_OFFSET;
  struct site **memory = &remembered[(address ^ address >> 10) % 1024];
  if (*memory != 0 && (*memory)->address == address) return *memory;
  struct site *site = search(address);
  if (site != 0) *memory = site;
  return site;
}
