/*
 * CRC-32 (IEEE, reflected, polynomial EDB88320h).
 *
 * A kernel of 14 MB is summed twice on every boot, on emulated machines that run about a hundred million instructions
 * a second, so instructions per byte are what counts: one step takes four bytes through two tables of 65,536 entries
 * (half a megabyte, built in a few milliseconds), which needs half the loads and shifts of eight 256-entry tables.
 *
 * Invariant: near[w] and far[w] are what the two bytes w leave behind in the remainder after they, or they and two zero
 * bytes, have gone through it.
 */
#include "crc32.h"

#include "bytes.h"

#define POLYNOMIAL 0xedb88320u

static uint32_t near[65536], far[65536];

static uint32_t byte_step(uint32_t crc, uint8_t byte) {
  crc ^= byte;
  for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  return crc;
}

void crc32_prepare(void) {
  /* The tables are linear: the entry of a word is the sum of those of its bits. */
  for (uint32_t bit = 1; bit < 65536; bit <<= 1) {
    uint32_t one = byte_step(byte_step(bit, 0), 0), two = byte_step(byte_step(one, 0), 0);
    for (uint32_t rest = 0; rest < bit; rest++) {
      near[bit + rest] = near[rest] ^ one;
      far[bit + rest] = far[rest] ^ two;
    }
  }
}

uint32_t crc32(uint32_t crc, const uint8_t *bytes, size_t size) {
  crc = ~crc;
  for (; size >= 4; bytes += 4, size -= 4) {
    uint32_t word;
    __builtin_memcpy(&word, bytes, 4);
    crc ^= word;
    crc = far[crc & 0xffff] ^ near[crc >> 16];
  }
  for (; size > 0; bytes++, size--) crc = byte_step(crc, *bytes);
  return ~crc;
}
