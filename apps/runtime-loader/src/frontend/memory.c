#include "memory.h"

#include "backend.h"
#include "bytes.h"
#include "frames.h"
#include "shadow.h"

struct page_fault last_fault;

uint32_t physical_read(uint32_t address) {
  if (frame_kind(address >> 12) != FRAME_RAM) return 0xffffffff;
  const uint8_t *page = backend_window(address >> 12);
  return *(const uint32_t *)(page + (address & 0xffc));
}

void physical_write(uint32_t address, uint32_t value) {
  if (frame_kind(address >> 12) != FRAME_RAM) return;
  uint8_t *page = backend_window(address >> 12);
  *(uint32_t *)(page + (address & 0xffc)) = value;
}

/* One page's part of an access: gives the frame, or NO_FRAME for absent memory. */
static bool reach(uint32_t address, uint32_t access, uint32_t *frame) {
  if (translation_known(address, access, frame)) return true;
  struct shadow_fault fault = shadow_reach(address, access, frame);
  if (!fault.refused) return true;
  last_fault = (struct page_fault){address, fault.error};
  return false;
}

static size_t part_of(uint32_t address, size_t size) {
  size_t room = 4096 - (address & 4095);
  return size < room ? size : room;
}

/* The usual case: a few bytes on one page whose translation is known. Null: anything else. */
static uint8_t *at_hand(uint32_t address, size_t size, uint32_t access) {
  uint32_t frame;
  if ((address & 4095) + size > 4096 || !translation_known(address, access, &frame)) return NULL;
  return (uint8_t *)backend_window(frame) + (address & 4095);
}

static void copy_few(uint8_t *to, const uint8_t *from, size_t size) {
  for (; size >= 4; to += 4, from += 4, size -= 4) __builtin_memcpy(to, from, 4);
  for (; size > 0; to++, from++, size--) *to = *from;
}

bool guest_read(uint32_t address, void *to, size_t size, uint32_t access) {
  const uint8_t *bytes = at_hand(address, size, access);
  if (bytes != NULL) {
    copy_few(to, bytes, size);
    return true;
  }
  for (uint8_t *at = to; size > 0;) {
    uint32_t frame;
    size_t part = part_of(address, size);
    if (!reach(address, access, &frame)) return false;
    if (frame_kind(frame) == FRAME_RAM) memcpy(at, (uint8_t *)backend_window(frame) + (address & 4095), part);
    else memset(at, 0xff, part);
    at += part, address += part, size -= part;
  }
  return true;
}

const uint8_t *guest_view(uint32_t address, uint32_t access) {
  static const uint8_t absent[4096] = {[0 ... 4095] = 0xff};
  uint32_t frame;
  if (!reach(address, access, &frame)) return NULL;
  const uint8_t *page = frame_kind(frame) == FRAME_RAM ? backend_window(frame) : absent;
  return page + (address & 4095);
}

bool guest_writable(uint32_t address, size_t size, uint32_t access) {
  while (size > 0) {
    uint32_t frame;
    size_t part = part_of(address, size);
    if (!reach(address, access | ACCESS_WRITE, &frame)) return false;
    address += part, size -= part;
  }
  return true;
}

bool guest_write(uint32_t address, const void *from, size_t size, uint32_t access) {
  uint8_t *bytes = at_hand(address, size, access | ACCESS_WRITE);
  if (bytes != NULL) {
    copy_few(bytes, from, size);
    return true;
  }
  for (const uint8_t *at = from; size > 0;) {
    uint32_t frame;
    size_t part = part_of(address, size);
    if (!reach(address, access | ACCESS_WRITE, &frame)) return false;
    if (frame_kind(frame) == FRAME_RAM) memcpy((uint8_t *)backend_window(frame) + (address & 4095), at, part);
    at += part, address += part, size -= part;
  }
  return true;
}
