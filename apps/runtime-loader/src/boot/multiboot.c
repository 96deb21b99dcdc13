/* The multiboot information structure (Multiboot Specification 0.6.96, 3.3). */
#include "multiboot.h"

#include "formats.h"

enum { LOADER_MAGIC = 0x2badb002 };
enum { HAS_MEMORY = 1, HAS_MODULES = 8, HAS_MAP = 64 };
#define MEGABYTE 0x100000u

struct multiboot_information {
  uint32_t flags;
  uint32_t memory_lower, memory_upper;   /* KB */
  uint32_t boot_device, command_line;
  uint32_t module_count, modules;
  uint32_t symbols[4];
  uint32_t map_length, map;
} PACKED;

struct multiboot_module {
  uint32_t start, end, text, reserved;
} PACKED;

struct map_entry {
  uint32_t size;   /* of what follows */
  uint64_t start, length;
  uint32_t type;
} PACKED;

static void add_region(struct machine *machine, uint64_t start, uint64_t length, uint32_t type) {
  if (length == 0 || length > UINT64_MAX - start || machine->region_count == REGION_MAX) return;
  machine->regions[machine->region_count++] = (struct region){start, start + length, type};
}

static void read_map(struct machine *machine, const uint8_t *map, uint32_t length) {
  for (uint32_t at = 0; rows_fit(at, 1, sizeof(struct map_entry), length);) {
    const struct map_entry *entry = (const struct map_entry *)(map + at);
    if (entry->size < sizeof *entry - sizeof entry->size || entry->size > length - at - sizeof entry->size) return;
    add_region(machine, entry->start, entry->length, entry->type);
    at += entry->size + sizeof entry->size;
  }
}

struct error machine_read(struct machine *machine, uint32_t magic, const struct multiboot_information *information) {
  *machine = (struct machine){0};
  if (magic != LOADER_MAGIC) return ERROR_AT(PV_WRONG_USE, magic, "not started by a multiboot loader");
  if (information->flags & HAS_MAP) read_map(machine, (const uint8_t *)information->map, information->map_length);
  if (machine->region_count == 0 && information->flags & HAS_MEMORY) {
    add_region(machine, 0, (uint64_t)information->memory_lower * 1024, REGION_USABLE);
    add_region(machine, MEGABYTE, (uint64_t)information->memory_upper * 1024, REGION_USABLE);
  }
  if (machine->region_count == 0) return ERROR(PV_NO_ROOM, "the loader gives no memory map");
  if (!(information->flags & HAS_MODULES) || information->module_count != 1)
    return ERROR_AT(PV_WRONG_USE, information->module_count, "one multiboot module is needed, the container");
  const struct multiboot_module *module = (const struct multiboot_module *)information->modules;
  if (module->end < module->start) return ERROR_AT(PV_WRONG_USE, module->start, "the multiboot module wraps around, address");
  machine->module_start = module->start;
  machine->module_end = module->end;
  return NO_ERROR;
}

bool machine_has(const struct machine *machine, uint32_t start, uint32_t end) {
  for (uint32_t i = 0; i < machine->region_count; i++) {
    const struct region *region = &machine->regions[i];
    if (region->type == REGION_USABLE && region->start <= start && end <= region->end) return start <= end;
  }
  return false;
}

uint32_t machine_top(const struct machine *machine, uint32_t limit) {
  uint64_t top = 0;
  for (uint32_t i = 0; i < machine->region_count; i++) {
    const struct region *region = &machine->regions[i];
    if (region->type != REGION_USABLE || region->start >= limit) continue;
    uint64_t end = region->end < limit ? region->end : limit;
    if (end > top) top = end;
  }
  return (uint32_t)top;
}
