/* Patterns of registers, and the handler that looks at an exception and goes on behind it. */
#include "probe.h"

volatile struct caught caught;
volatile u32 skip;
const struct registers *volatile replacement;

u32 flags_of(u32 n) {
  static const u16 bits[] = {0x001, 0x004, 0x010, 0x040, 0x080, 0x400, 0x800};
  u32 flags = FIXED_FLAGS;
  for (u32 i = 0; i < sizeof bits / sizeof bits[0]; i++)
    if ((n >> i & 1) != 0) flags |= bits[i];
  return flags;
}

struct registers pattern(u32 seed, u32 flags) {
  struct registers made;
  u32 *words = (u32 *)&made;
  for (u32 i = 0; i < 8; i++) words[i] = seed = next_random(seed) ^ i << 28;
  made.stack_change = 0;
  made.eflags = flags;
  return made;
}

void require_registers(const struct registers *found, const struct registers *wanted, const char *what) {
  static const char *const names[] = {"EAX", "ECX", "EDX", "EBX", "the stack pointer", "EBP", "ESI", "EDI"};
  for (u32 i = 0; i < 8; i++) {
    if (((const u32 *)found)[i] != ((const u32 *)wanted)[i]) print("workload: %s: %s after %s\n", part, names[i], what);
    require(((const u32 *)found)[i], ((const u32 *)wanted)[i], names[i]);
  }
  require(found->eflags & (CHOSEN_FLAGS | SEEN_FLAGS), wanted->eflags, what);
}

void catch (int number, struct signal_info *info, struct user_context *context) {
  struct signal_context *machine = &context->machine;
  caught.count++;
  caught.signal = (u32)number;
  caught.address = info->fields[0];
  caught.machine = *machine;
  machine->eip += skip;
  const struct registers *next = replacement;
  if (next == NULL) return;
  machine->eax = next->eax;
  machine->ecx = next->ecx;
  machine->edx = next->edx;
  machine->ebx = next->ebx;
  machine->ebp = next->ebp;
  machine->esi = next->esi;
  machine->edi = next->edi;
  machine->eflags = (machine->eflags & ~CHOSEN_FLAGS) | (next->eflags & CHOSEN_FLAGS);
}
