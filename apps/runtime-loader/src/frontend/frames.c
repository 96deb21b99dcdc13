#include "frames.h"

#include "../boot/multiboot.h"
#include "backend.h"
#include "layout.h"

enum { MONITOR_FRAME = MONITOR_PHYSICAL / 4096, MONITOR_FRAMES = MONITOR_SIZE / 4096 };
enum { BIOS_HOLE = 0x9f, BIOS_HOLE_END = 0x100 };   /* frames */

static uint8_t absent_page[4096] __attribute__((aligned(4096))), sink_page[4096] __attribute__((aligned(4096)));
static uint32_t ram[FRAME_COUNT / 32];   /* a bit for each frame */

enum frame_kind frame_kind(uint32_t frame) {
  return frame < FRAME_COUNT && ram[frame / 32] >> frame % 32 & 1 ? FRAME_RAM : FRAME_ABSENT;
}

static void add(uint32_t first, uint32_t end) {
  for (uint32_t frame = first; frame < end; frame++)
    if (frame - MONITOR_FRAME >= MONITOR_FRAMES) ram[frame / 32] |= 1u << frame % 32;
}

uint32_t frames_start(const struct machine *machine) {
  const uint64_t limit = (uint64_t)FRAME_COUNT * 4096;
  uint64_t top = 0;
  memset(absent_page, 0xff, sizeof absent_page);
  for (uint32_t i = 0; i < machine->region_count; i++) {
    const struct region *region = &machine->regions[i];
    if (region->type != REGION_USABLE || region->start >= limit) continue;
    uint64_t end = region->end < limit ? region->end : limit;
    uint32_t first = (uint32_t)((region->start + 4095) >> 12), behind = (uint32_t)(end >> 12);
    add(first, behind < BIOS_HOLE ? behind : BIOS_HOLE);
    add(first > BIOS_HOLE_END ? first : BIOS_HOLE_END, behind);
    if (end > top) top = end;
  }
  return (uint32_t)(top >> 10);
}

uint32_t absent_frame(bool write) {
  if (!write) return backend_frame_of(absent_page);
  memset(sink_page, 0xff, sizeof sink_page);
  return backend_frame_of(sink_page);
}
