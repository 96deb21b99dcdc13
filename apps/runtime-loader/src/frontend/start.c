#include "start.h"

#include "backend.h"
#include "events.h"
#include "frames.h"
#include "../patch/patcher.h"
#include "modules.h"
#include "ports.h"
#include "shadow.h"
#include "sites.h"
#include "stubs.h"

enum { BOOT_CODE = 0x10, BOOT_DATA = 0x18 };
#define SITE_TABLE_MAGIC MAGIC('P', 'V', 'M', 'S')

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
    const struct patch_row *patch = row->patch == NO_ROW ? NULL : &annotations->patches[row->patch];
    bool window = patch != NULL && is_diverted(patch, loaded_byte(kernel, patch->start));
    bool trapped = !window && row->first_byte != TRAP_OPCODE && loaded_byte(kernel, row->address) == TRAP_OPCODE;
    site_table.sites[i] = (struct site){.address = row->address, .first_byte = row->first_byte, .kind = (uint8_t)row->kind, .trapped = trapped};
  }
}

/* The state that the 32-bit boot protocol asks for (Documentation/x86/boot.rst). */
static void prepare_guest(const struct guest_start *start) {
  vcpu.cr0 = CR0_PE | CR0_ET;
  vcpu.gdtr = (struct table_register){start->gdt.base, start->gdt.limit};
  vcpu.regs.cs = BOOT_CODE | 3;
  vcpu.regs.ss = BOOT_DATA | 3;
  vcpu.regs.ds = vcpu.regs.es = BOOT_DATA;
  vcpu.regs.eip = start->entry;
  vcpu.regs.esi = start->boot_params;
  vcpu.regs.eflags = FLAGS_ALWAYS;
  shadow_reset();
  descriptors_follow();
  backend_segment_load(SEGMENT_FS, BOOT_DATA);
  backend_segment_load(SEGMENT_GS, BOOT_DATA);
  backend_fpu_control(vcpu.cr0, vcpu.cr4);
}

_Noreturn void guest_run(const struct guest_start *start, uint32_t epoch) {
  const struct handover *handover = &start->handover;
  uint32_t memory_kib = frames_start(handover->machine);
  bool flag_in_memory = handover->stubs;
  take_sites(handover->kernel, handover->annotations);
  stubs_take(handover->moved, handover->moved_count);
  modules_start(handover->module_trap, flag_in_memory);
  prepare_guest(start);
  flags_start(flag_in_memory);
  ports_start(memory_kib, epoch);
  events_run();
}
