#include "stubs.h"

#include "bytes.h"
#include "resident.h"

enum { MOVED_MAX = 32768 };

static struct moved_instruction moved[MOVED_MAX];
static uint32_t moved_count;

void stubs_take(const struct moved_instruction *list, uint32_t count) {
  moved_count = count < MOVED_MAX ? count : MOVED_MAX;
  memcpy(moved, list, moved_count * sizeof *list);
}

uint32_t stub_to_original(uint32_t address) {
  if (!resident_contains(address)) return address;
  uint32_t low = 0, high = moved_count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (moved[middle].stub < address) low = middle + 1;
    else high = middle;
  }
  return low < moved_count && moved[low].stub == address ? moved[low].original : address;
}

/* What was asked for last: a kernel that synchronises itself returns to few places. */
static struct moved_instruction asked[16];

static uint32_t search(uint32_t address) {
  uint32_t low = 0, high = moved_count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (moved[middle].original < address) low = middle + 1;
    else high = middle;
  }
  return low < moved_count && moved[low].original == address ? moved[low].stub : address;
}

uint32_t original_to_stub(uint32_t address) {
  struct moved_instruction *last = &asked[(address ^ address >> 6) % 16];
  if (last->original != address) *last = (struct moved_instruction){.original = address, .stub = search(address)};
  return last->stub;
}
