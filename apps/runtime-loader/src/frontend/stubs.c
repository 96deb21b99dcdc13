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

/* The instruction at an address in a stub or (`in_stub` false) in the kernel; null if none was moved there. Both ascend alike. */
static const struct moved_instruction *find(bool in_stub, uint32_t address) {
  uint32_t low = 0, high = moved_count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if ((in_stub ? moved[middle].stub : moved[middle].original) < address) low = middle + 1;
    else high = middle;
  }
  if (low == moved_count || (in_stub ? moved[low].stub : moved[low].original) != address) return NULL;
  return &moved[low];
}

uint32_t stub_to_original(uint32_t address) {
  if (!resident_contains(address)) return address;
  const struct moved_instruction *found = find(true, address);
  return found == NULL ? address : found->original;
}

/* What was asked for last: a kernel that synchronises itself returns to few places. */
static struct moved_instruction asked[16];

uint32_t original_to_stub(uint32_t address) {
  struct moved_instruction *last = &asked[(address ^ address >> 6) % 16];
  if (last->original != address) {
    const struct moved_instruction *found = find(false, address);
    *last = (struct moved_instruction){.original = address, .stub = found == NULL ? address : found->stub};
  }
  return last->stub;
}
