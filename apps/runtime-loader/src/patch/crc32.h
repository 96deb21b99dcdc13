#ifndef CRC32_H
#define CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Must be called once before `crc32`. */
void crc32_prepare(void);

/* CRC-32 of `size` bytes, continuing `crc` (0 to start), as zlib's function of the same name. */
uint32_t crc32(uint32_t crc, const uint8_t *bytes, size_t size);

#endif
