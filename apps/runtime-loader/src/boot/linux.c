/*
 * The zero page, the command line and the boot GDT, and the kernel's memory map.
 *
 * The map is the loader's, with two holes cut into usable memory: [9F000h, 100000h), because not every loader leaves
 * out the BIOS, and the resident area, which is then listed as reserved.
 */
#include "linux.h"

#include "formats.h"

#define COMMAND_LINE (HANDOVER_START + 0x1000)
#define GDT (HANDOVER_START + 0x2000)
#define BIOS_HOLE 0x9f000u
#define BIOS_HOLE_END 0x100000u

enum { E820_MAX = 128, E820_USABLE = 1, E820_RESERVED = 2 };

struct e820_entry {
  uint64_t start, size;
  uint32_t type;
} PACKED;

struct boot_params {
  uint8_t screen_and_bios[0x1e8];
  uint8_t e820_count;
  uint8_t unused_1e9[0x1f1 - 0x1e9];
  uint8_t setup_sectors;
  uint8_t unused_1f2[0x1fe - 0x1f2];
  uint16_t boot_flag, jump;
  uint8_t magic[4];
  uint16_t version;
  uint8_t unused_208[0x210 - 0x208];
  uint8_t loader_type, load_flags;
  uint8_t unused_212[0x218 - 0x212];
  uint32_t initrd, initrd_size;
  uint8_t unused_220[0x228 - 0x220];
  uint32_t command_line, initrd_max, kernel_alignment;
  uint8_t relocatable, minimum_alignment;
  uint16_t extended_load_flags;
  uint32_t command_line_size;
  uint8_t unused_23c[0x2d0 - 0x23c];
  struct e820_entry e820[E820_MAX];
  uint8_t unused_cd0[0x1000 - 0xcd0];
} PACKED;
SIZE_IS(struct boot_params, 0x1000);
_Static_assert(offsetof(struct boot_params, command_line) == 0x228, "cmd_line_ptr is at 228h");
_Static_assert(offsetof(struct boot_params, command_line_size) == 0x238, "cmdline_size is at 238h");

enum { BOOT_FLAG = 0xaa55, PROTOCOL = 0x20f, LOADER_UNKNOWN = 0xff, LOADED_HIGH = 1, SETUP_SECTORS = 4 };

struct gdt {
  struct {
    uint16_t limit;
    uint32_t base;
    uint16_t unused;
  } PACKED pointer;
  uint64_t entries[4];
} PACKED;
#define FLAT_CODE 0x00cf9b000000ffffull   /* selector 10h: 4 GB, execute and read, ring 0, accessed */
#define FLAT_DATA 0x00cf93000000ffffull   /* selector 18h: 4 GB, read and write, ring 0, accessed */

_Noreturn void enter_kernel(uint32_t entry, const struct boot_params *params, const void *gdt_pointer);

static void add_e820(struct boot_params *params, uint64_t start, uint64_t end, uint32_t type) {
  if (start >= end || params->e820_count == E820_MAX) return;
  params->e820[params->e820_count++] = (struct e820_entry){start, end - start, type};
}

static void fill_e820(struct boot_params *params, const struct machine *machine, struct region backend) {
  /* Ascending; an empty one changes nothing. */
  const struct { uint64_t start, end; } holes[] = {{BIOS_HOLE, BIOS_HOLE_END}, {RESIDENT_PHYSICAL, RESIDENT_END}, {backend.start, backend.end}};
  for (uint32_t i = 0; i < machine->region_count; i++) {
    struct region region = machine->regions[i];
    for (uint32_t h = 0; region.type == E820_USABLE && h < sizeof holes / sizeof holes[0]; h++) {
      if (holes[h].start == holes[h].end || region.start >= holes[h].end || region.end <= holes[h].start) continue;
      add_e820(params, region.start, holes[h].start, E820_USABLE);
      region.start = region.end < holes[h].end ? region.end : holes[h].end;
    }
    add_e820(params, region.start, region.end, region.type);
  }
  add_e820(params, RESIDENT_PHYSICAL, RESIDENT_END, E820_RESERVED);
  add_e820(params, backend.start, backend.end, E820_RESERVED);
}

void linux_prepare(const struct machine *machine, struct span command, const char *arguments, struct region backend, uint32_t initrd, uint32_t initrd_size) {
  memset((void *)HANDOVER_START, 0, HANDOVER_END - HANDOVER_START);
  struct boot_params *params = (struct boot_params *)HANDOVER_START;
  params->setup_sectors = SETUP_SECTORS;
  params->boot_flag = BOOT_FLAG;
  memcpy(params->magic, "HdrS", 4);
  params->version = PROTOCOL;
  params->loader_type = LOADER_UNKNOWN;
  params->load_flags = LOADED_HIGH;
  params->initrd = initrd;
  params->initrd_size = initrd_size;
  params->command_line = COMMAND_LINE;
  params->initrd_max = 0x7fffffff;
  params->kernel_alignment = RESIDENT_END;
  params->command_line_size = COMMAND_LINE_MAX;
  fill_e820(params, machine, backend);
  memcpy((void *)COMMAND_LINE, command.bytes, command.size);   /* the zero behind it is there already */
  uint8_t *end = (uint8_t *)COMMAND_LINE + command.size;
  for (uint32_t size = command.size; *arguments != 0 && size < COMMAND_LINE_MAX; size++) *end++ = (uint8_t)*arguments++;
  struct gdt *gdt = (struct gdt *)GDT;
  gdt->entries[2] = FLAT_CODE;
  gdt->entries[3] = FLAT_DATA;
  gdt->pointer.limit = sizeof gdt->entries - 1;
  gdt->pointer.base = GDT + offsetof(struct gdt, entries);
}

const void *linux_gdt_pointer(void) {
  return (const void *)GDT;
}

_Noreturn void linux_enter(uint32_t entry) {
  enter_kernel(entry, (const struct boot_params *)HANDOVER_START, (const void *)GDT);
}
