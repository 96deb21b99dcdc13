/*
 * The call leads to code behind the last stub, which keeps the arguments on the guest's stack, so that a load may be preempted by
 * another one:
 *
 *     push %edx                 section headers
 *     push %eax                 ELF header
 *     call module_finalize
 *     hlt                       traps
 *     lea 8(%esp), %esp
 *     ret
 *
 * A jump (a tail call) may be led here as well, for the return address is on the stack in both cases.
 */
#include "modules.h"

enum { CALL_SIZE = 5, STUB_ALIGNMENT = 16 };
enum { CALLS = 2, TRAPS = 7 };   /* offsets in the code */

static void put_displacement(uint8_t *to, uint32_t from, uint32_t target) {
  uint32_t displacement = target - (from + CALL_SIZE);
  memcpy(to + 1, &displacement, sizeof displacement);
}

uint32_t modules_hook(const struct handover *handover) {
  static const uint8_t code[] = {0x52, 0x50, 0xe8, 0, 0, 0, 0, 0xf4, 0x8d, 0x64, 0x24, 0x08, 0xc3};
  const struct annotation_header *header = handover->annotations->header;
  const struct resident_header *resident = (const struct resident_header *)RESIDENT_PHYSICAL;
  uint32_t call = header->module_call, used = (resident->arena_used + STUB_ALIGNMENT - 1) & -(uint32_t)STUB_ALIGNMENT;
  if (call == 0 || used > resident->arena_size || sizeof code > resident->arena_size - used) return 0;
  const struct segment *segment = kernel_segment_at(handover->kernel, call, CALL_SIZE);
  if (segment == NULL) return 0;
  uint32_t address = resident->arena_address + used;
  uint8_t *stub = (uint8_t *)(address - RESIDENT_PAGE_OFFSET);
  memcpy(stub, code, sizeof code);
  put_displacement(stub + CALLS, address + CALLS, header->module_function);
  put_displacement(segment->loaded + (call - segment->virtual), call, address);
  return address + TRAPS;
}
