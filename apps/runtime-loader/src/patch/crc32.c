/*
 * CRC-32 (IEEE, reflected, polynomial EDB88320h), four bytes a step in two look-ups of 16 bits.
 *
 * A kernel of 14 MB is summed on every boot: less than two instructions for each byte, where look-ups of 8 bits take more than four.
 *
 * Invariant: pairs[k][p] is what two bytes p, the first in its low half, leave behind in the remainder after them and 2k zero bytes
 * have gone through.
 */
#include "crc32.h"

#include "bytes.h"

#define POLYNOMIAL 0xedb88320u

static uint32_t bytes_through[4][256], pairs[2][65536];

void crc32_prepare(void) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    bytes_through[0][byte] = crc;
  }
  for (int k = 1; k < 4; k++)
    for (uint32_t byte = 0; byte < 256; byte++) {
      uint32_t before = bytes_through[k - 1][byte];
      bytes_through[k][byte] = (before >> 8) ^ bytes_through[0][before & 0xff];
    }
  for (int k = 0; k < 2; k++)
    for (uint32_t second = 0; second < 256; second++)
      for (uint32_t first = 0; first < 256; first++)
        pairs[k][second << 8 | first] = bytes_through[2 * k][second] ^ bytes_through[2 * k + 1][first];
}

static inline uint32_t step(uint32_t crc, const uint8_t *bytes) {
  uint32_t word;
  __builtin_memcpy(&word, bytes, 4);
  crc ^= word;
  return pairs[1][crc & 0xffff] ^ pairs[0][crc >> 16];
}

uint32_t crc32(uint32_t crc, const uint8_t *bytes, size_t size) {
  crc = ~crc;
  for (; size >= 16; bytes += 16, size -= 16) crc = step(step(step(step(crc, bytes), bytes + 4), bytes + 8), bytes + 12);
  for (; size > 0; bytes++, size--) crc = (crc >> 8) ^ bytes_through[0][(crc ^ *bytes) & 0xff];
  return ~crc;
}
