/* SDM Vol. 3A, 8.3 "Task Switching"; the back link and NT are set, so that the guest can tell what was interrupted. */
#include "task.h"

#include "backend.h"
#include "control.h"
#include "descriptors.h"
#include "exceptions.h"
#include "memory.h"
#include "stubs.h"

/* The 32-bit TSS, in words. */
enum { TASK_LINK = 0, TASK_CR3 = 7, TASK_EIP, TASK_EFLAGS, TASK_EAX, TASK_ECX, TASK_EDX, TASK_EBX, TASK_ESP, TASK_EBP, TASK_ESI, TASK_EDI,
       TASK_ES, TASK_CS, TASK_SS, TASK_DS, TASK_FS, TASK_GS, TASK_LDT, TASK_WORDS };
enum { TASK_SIZE = 0x68 };
#define BUSY ((uint64_t)2 << 40)

static void save(uint32_t *task) {
  const struct registers *r = &vcpu.regs;
  task[TASK_EIP] = vcpu.cpl == 0 ? stub_to_original(r->eip) : r->eip;
  task[TASK_EFLAGS] = guest_flags();
  task[TASK_EAX] = r->eax, task[TASK_ECX] = r->ecx, task[TASK_EDX] = r->edx, task[TASK_EBX] = r->ebx;
  task[TASK_ESP] = r->esp, task[TASK_EBP] = r->ebp, task[TASK_ESI] = r->esi, task[TASK_EDI] = r->edi;
  for (enum segment_register s = 0; s < SEGMENT_COUNT; s++) task[TASK_ES + s] = segment_selector(s);
}

static void load(const uint32_t *task) {
  struct registers *r = &vcpu.regs;
  r->eip = task[TASK_EIP];
  r->eax = task[TASK_EAX], r->ecx = task[TASK_ECX], r->edx = task[TASK_EDX], r->ebx = task[TASK_EBX];
  r->esp = task[TASK_ESP], r->ebp = task[TASK_EBP], r->esi = task[TASK_ESI], r->edi = task[TASK_EDI];
  load_flags(task[TASK_EFLAGS] | FLAG_NT, ~0u);
}

bool task_switch(uint32_t selector, bool push_error, uint32_t error) {
  uint64_t descriptor, code;
  uint32_t old[TASK_WORDS], task[TASK_WORDS], named = selector & 0xfffc;
  if (selector & 4 || !descriptor_read(selector, &descriptor) || descriptor_is_segment(descriptor) || descriptor_type(descriptor) != TYPE_TASK_AVAILABLE)
    return exception_raise(VECTOR_GP, named);
  if (!descriptor_present(descriptor)) return exception_raise(VECTOR_NP, named);
  uint32_t base = descriptor_base(descriptor);
  if (descriptor_limit(descriptor) < TASK_SIZE - 1 || vcpu.tr.limit < TASK_SIZE - 1) return exception_raise(VECTOR_TS, named);
  if (!guest_read(vcpu.tr.base, old, sizeof old, 0) || !guest_read(base, task, sizeof task, 0)) return exception_raise_page_fault();
  if (!descriptor_read(task[TASK_CS], &code) || !descriptor_is_code(code) || !descriptor_present(code) || (task[TASK_CS] & 3) != 0)
    return exception_raise(VECTOR_TS, task[TASK_CS] & 0xfffc);
  save(old);
  task[TASK_LINK] = vcpu.tr.selector;
  if (!guest_write(vcpu.tr.base, old, sizeof old, 0) || !guest_write(base, task, sizeof task, 0)) return exception_raise_page_fault();
  descriptor |= BUSY;
  guest_write(vcpu.gdtr.base + named, &descriptor, sizeof descriptor, 0);

  vcpu.tr = (struct system_segment){selector, base, descriptor_limit(descriptor)};
  vcpu.cpl = 0;
  vcpu.regs.cs = (task[TASK_CS] & 0xfffc) | 3;
  control_write(3, task[TASK_CR3]);
  control_write(0, vcpu.cr0 | CR0_TS);
  load(task);
  static const enum segment_register loaded[] = {SEGMENT_SS, SEGMENT_ES, SEGMENT_DS, SEGMENT_FS, SEGMENT_GS};
  for (uint32_t i = 0; i < 5; i++)
    if (!segment_load(loaded[i], task[TASK_ES + loaded[i]] & 0xffff)) return exception_raise(VECTOR_TS, task[TASK_ES + loaded[i]] & 0xfffc);
  if (!push_error) return true;
  uint32_t pointer = vcpu.regs.esp - 4;
  if (!guest_write(segment_base(vcpu.regs.ss) + pointer, &error, 4, 0)) return exception_raise_page_fault();
  vcpu.regs.esp = pointer;
  return true;
}
