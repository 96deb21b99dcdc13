#include "sites.h"

#include "backend.h"
#include "bytes.h"

#define PAGE_OFFSET 0xc0000000u

_Static_assert(sizeof site_table == 8 + 4 * SITE_KINDS + 4 * 256 + 12 * SITE_MAX, "docs/formats.md says how large the table is");
struct site_table site_table;

/* What was asked before: few sites trap, and again and again. */
static struct site *remembered[1024];

/* The first row at or above an address. */
static uint32_t row_from(uint32_t address) {
  uint32_t low = 0, high = site_table.count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (site_table.sites[middle].address < address) low = middle + 1;
    else high = middle;
  }
  return low;
}

struct site *site_at(uint32_t address) {
  if (!paging()) address += PAGE_OFFSET;
  struct site **memory = &remembered[(address ^ address >> 10) % 1024];
  if (*memory != 0 && (*memory)->address == address) return *memory;
  uint32_t row = row_from(address);
  if (row == site_table.count || site_table.sites[row].address != address) return 0;
  return *memory = &site_table.sites[row];
}

bool site_add(uint32_t address, uint8_t first_byte, uint8_t kind) {
  uint32_t row = row_from(address);
  struct site *place = &site_table.sites[row];
  if (site_table.count == SITE_MAX || (row < site_table.count && place->address == address)) return false;
  memmove(place + 1, place, (site_table.count - row) * sizeof *place);
  *place = (struct site){.address = address, .first_byte = first_byte, .kind = kind, .trapped = true, .module = true};
  site_table.count++;
  memset(remembered, 0, sizeof remembered);
  return true;
}

/* Keeps the rows below `row`, and of those in front of `end` the kernel's own and those that `stands` says yes of. */
static void drop(uint32_t row, uint32_t end, bool (*stands)(uint32_t address)) {
  struct site *sites = site_table.sites;
  uint32_t kept = row, count = site_table.count;
  for (; row < end; row++)
    if (!sites[row].module || (stands != 0 && stands(sites[row].address))) sites[kept++] = sites[row];
  if (kept == end) return;
  memmove(&sites[kept], &sites[end], (count - end) * sizeof *sites);
  site_table.count = count - (end - kept);
  memset(remembered, 0, sizeof remembered);
}

void sites_drop(uint32_t start, uint32_t size) {
  if (size == 0) return;
  uint32_t last = size - 1 > UINT32_MAX - start ? UINT32_MAX : start + (size - 1);
  uint32_t end = row_from(last);
  if (end < site_table.count && site_table.sites[end].address == last) end++;
  drop(row_from(start), end, 0);
}

void sites_drop_unless(bool (*stands)(uint32_t address)) {
  drop(0, site_table.count, stands);
}
