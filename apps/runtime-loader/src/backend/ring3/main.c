/* The monitor's beginning: takes over what the boot stage prepared, and starts the guest. */
#include "../../frontend/backend.h"
#include "../../frontend/descriptors.h"
#include "../../frontend/events.h"
#include "../../frontend/ports.h"
#include "../../frontend/shadow.h"
#include "../../frontend/sites.h"
#include "../../frontend/stubs.h"
#include "bytes.h"
#include "monitor.h"
#include "start.h"

enum { BOOT_CODE = 0x10, BOOT_DATA = 0x18, JUMP_OPCODE = 0xe9 };
#define SITE_TABLE_MAGIC MAGIC('P', 'V', 'M', 'S')
#define BIOS_HOLE 0x9f000u
#define BIOS_HOLE_END 0x100000u

_Noreturn void monitor_main(const struct monitor_start *start);

static uint32_t add_memory(const struct machine *machine) {
  uint64_t top = 0;
  for (uint32_t i = 0; i < machine->region_count; i++) {
    const struct region *region = &machine->regions[i];
    if (region->type != REGION_USABLE || region->start >= 1ull << 31) continue;
    uint64_t end = region->end < 1ull << 31 ? region->end : 1ull << 31;
    uint32_t first = (uint32_t)((region->start + 4095) >> 12), behind = (uint32_t)(end >> 12);
    if (first < BIOS_HOLE >> 12) paging_add_ram(first, behind < BIOS_HOLE >> 12 ? behind : BIOS_HOLE >> 12);
    paging_add_ram(first > BIOS_HOLE_END >> 12 ? first : BIOS_HOLE_END >> 12, behind);
    if (end > top) top = end;
  }
  return (uint32_t)(top >> 10);
}

static uint8_t loaded_byte(const struct kernel *kernel, uint32_t address) {
  const struct segment *segment = kernel_segment_at(kernel, address, 1);
  return segment == NULL ? 0 : segment->loaded[address - segment->virtual];
}

/* The sites, and which of them have a one-byte trap: those outside the windows that lead to stubs. */
static void take_sites(const struct kernel *kernel, const struct annotations *annotations) {
  uint32_t count = annotations->header->site_count;
  site_table.magic = SITE_TABLE_MAGIC;
  site_table.count = count < SITE_MAX ? count : SITE_MAX;
  for (uint32_t i = 0; i < site_table.count; i++) {
    const struct site_row *row = &annotations->sites[i];
    bool window = row->patch != NO_ROW && loaded_byte(kernel, annotations->patches[row->patch].start) == JUMP_OPCODE;
    bool trapped = !window && row->first_byte != TRAP_OPCODE && loaded_byte(kernel, row->address) == TRAP_OPCODE;
    site_table.sites[i] = (struct site){.address = row->address, .first_byte = row->first_byte, .kind = (uint8_t)row->kind, .trapped = trapped};
  }
}

/* The state that the 32-bit boot protocol asks for (Documentation/x86/boot.rst). */
static void prepare_guest(const struct monitor_start *start) {
  vcpu.cr0 = CR0_PE | CR0_ET;
  vcpu.gdtr = (struct table_register){start->gdt.base, start->gdt.limit};
  vcpu.regs.cs = BOOT_CODE | 3;
  vcpu.regs.ss = BOOT_DATA | 3;
  vcpu.regs.ds = vcpu.regs.es = BOOT_DATA;
  vcpu.regs.eip = start->entry;
  vcpu.regs.esi = start->boot_params;
  vcpu.regs.eflags = FLAGS_ALWAYS;
  shadow_start();
  descriptors_replaced();
  backend_fs_load(BOOT_DATA);
  backend_gs_load(BOOT_DATA);
  backend_fpu_control(vcpu.cr0, vcpu.cr4);
}

_Noreturn void monitor_main(const struct monitor_start *start) {
  paging_start();
  processor_start();
  host_start();
  const struct handover *handover = &start->handover;
  uint32_t memory_kib = add_memory(handover->machine);
  bool flag_in_memory = handover->stubs;
  take_sites(handover->kernel, handover->annotations);
  stubs_take(handover->moved, handover->moved_count);
  prepare_guest(start);
  flags_start(flag_in_memory);
  ports_start(memory_kib);
  events_run();
}
