/* The four functions that the compiler takes for granted. String instructions are the fastest on emulated machines. */
#include "bytes.h"

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
  void *start = to;
  size_t words = size / 4;
  __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
  size &= 3;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
  return start;
}

void *memmove(void *to, const void *from, size_t size) {
  if (to <= from || (const uint8_t *)to >= (const uint8_t *)from + size) return memcpy(to, from, size);
  /* Backwards: first the odd bytes at the end, then words. */
  uint8_t *last = (uint8_t *)to + size - 1;
  const uint8_t *last_from = (const uint8_t *)from + size - 1;
  size_t words = size / 4, odd = size & 3;
  __asm__ volatile("std; rep movsb" : "+D"(last), "+S"(last_from), "+c"(odd) : : "memory");
  last -= 3, last_from -= 3;
  __asm__ volatile("rep movsl; cld" : "+D"(last), "+S"(last_from), "+c"(words) : : "memory");
  return to;
}

void *memset(void *to, int value, size_t size) {
  void *start = to;
  size_t words = size / 4;
  uint32_t word = (uint8_t)value * 0x01010101u;
  __asm__ volatile("rep stosl" : "+D"(to), "+c"(words) : "a"(word) : "memory");
  size &= 3;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(word) : "memory");
  return start;
}

int memcmp(const void *a, const void *b, size_t size) {
  const uint8_t *x = a, *y = b;
  size_t words = size / 4;
  bool same = true;
  if (words > 0) __asm__ volatile("repe cmpsl" : "=@ccz"(same), "+S"(x), "+D"(y), "+c"(words) : : "memory");
  if (!same) x -= 4, y -= 4, size = 4;   /* they differ in the word before */
  else size &= 3;
  for (; size > 0; size--, x++, y++)
    if (*x != *y) return *x < *y ? -1 : 1;
  return 0;
}
