/* The last step of the boot stage for back ends that keep a monitor: one-byte traps on what ring 3 does silently, and into the monitor. */
#include "../frontend/policy.h"
#include "../frontend/start.h"
#include "../patch/patcher.h"
#include "handover.h"
#include "layout.h"
#include "modules.h"
#include "serial.h"

const struct region backend_memory = {MONITOR_PHYSICAL, MONITOR_PHYSICAL + MONITOR_SIZE, REGION_USABLE};
const char backend_arguments[] = MONITOR_ARGUMENTS;

enum { TRAP_OPCODE = 0xf4 };

_Noreturn void enter_monitor(const struct guest_start *start);

static uint8_t *loaded(const struct kernel *kernel, uint32_t address) {
  const struct segment *segment = kernel_segment_at(kernel, address, 1);
  return segment == NULL ? NULL : segment->loaded + (address - segment->virtual);
}

static uint32_t put_traps(const struct kernel *kernel, const struct annotations *annotations, bool flag_in_memory) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < annotations->header->site_count; i++) {
    const struct site_row *site = &annotations->sites[i];
    uint8_t *byte = loaded(kernel, site->address);
    bool in_stub = site->patch != NO_ROW && is_diverted(&annotations->patches[site->patch], *loaded(kernel, annotations->patches[site->patch].start));
    /* Replacements are copied to where they run, which no table says. */
    if (byte == NULL || in_stub || site->flags & SITE_IN_ALTERNATIVE || !policy_needs_trap(site->kind, site->form, flag_in_memory)) continue;
    *byte = TRAP_OPCODE;
    count++;
  }
  return count;
}

struct error backend_start(const struct handover *handover) {
  if (handover->annotations == NULL) return ERROR(PV_NOT_ANNOTATED, "under a hypervisor a kernel needs its annotation table");
  serial_text("previrt: ");
  serial_decimal(put_traps(handover->kernel, handover->annotations, handover->stubs));
  serial_text(" sites trap in place\n");
  static struct guest_start start;
  start = (struct guest_start){.handover = *handover, .entry = handover->kernel->entry, .boot_params = HANDOVER_START};
  start.handover.module_trap = modules_hook(handover);
  memcpy(&start.gdt, linux_gdt_pointer(), sizeof start.gdt);
  enter_monitor(&start);
}
