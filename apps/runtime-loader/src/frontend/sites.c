#include "sites.h"

#include "backend.h"

#define PAGE_OFFSET 0xc0000000u

struct site_table site_table;

struct site *site_at(uint32_t address) {
  if (!paging()) address += PAGE_OFFSET;
  uint32_t low = 0, high = site_table.count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (site_table.sites[middle].address < address) low = middle + 1;
    else high = middle;
  }
  return low < site_table.count && site_table.sites[low].address == address ? &site_table.sites[low] : 0;
}
