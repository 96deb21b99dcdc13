/* Ranges of bytes and addresses, with comparisons that cannot overflow. */
#ifndef BYTES_H
#define BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes in memory that somebody else wrote. */
struct span {
  const uint8_t *bytes;
  uint32_t size;
};

/* Do `count` rows of `row` bytes (1 to 4096), starting at `offset`, end at or before `total`? */
static inline bool rows_fit(uint32_t offset, uint32_t count, uint32_t row, uint32_t total) {
  return offset <= total && count <= (total - offset) / row;
}

/* Does [start, start + size) lie in [outer, outer + outer_size)? */
static inline bool range_inside(uint32_t start, uint32_t size, uint32_t outer, uint32_t outer_size) {
  return start >= outer && start - outer <= outer_size && size <= outer_size - (start - outer);
}

static inline bool ranges_overlap(uint32_t a, uint32_t a_end, uint32_t b, uint32_t b_end) {
  return a < b_end && b < a_end && a < a_end && b < b_end;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);

#endif
