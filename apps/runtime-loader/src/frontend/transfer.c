#include "transfer.h"

#include "backend.h"
#include "descriptors.h"
#include "exceptions.h"
#include "memory.h"
#include "report.h"
#include "stubs.h"

static bool read_stack(uint32_t offset, uint32_t *words, uint32_t count) {
  uint32_t pointer = vcpu.regs.esp + offset;
  if (!stack_is_32_bit()) pointer &= 0xffff;
  if (guest_read(segment_base(vcpu.regs.ss) + pointer, words, count * 4, present_access())) return true;
  return exception_raise_page_fault();
}

static void move_stack(uint32_t bytes) {
  if (stack_is_32_bit()) vcpu.regs.esp += bytes;
  else vcpu.regs.esp = (vcpu.regs.esp & 0xffff0000) | ((vcpu.regs.esp + bytes) & 0xffff);
}

/* Gates and tasks are entered by exceptions only. */
static void note_system_segment(uint32_t selector, uint64_t descriptor) {
  uint32_t type = descriptor_type(descriptor);
  if (!descriptor_is_segment(descriptor) && descriptor_present(descriptor) && (1u << type & 0x1232) != 0)
    report_guest_number("a far transfer through a gate or to a task, which is not offered:", selector);
}

/* A code segment that control may return to at `privilege`. */
static bool check_code(uint32_t selector, uint32_t privilege) {
  uint64_t code;
  uint32_t error = selector & 0xfffc;
  if (!descriptor_read(selector, &code)) return exception_raise(VECTOR_GP, error);
  uint32_t dpl = descriptor_dpl(code);
  note_system_segment(selector, code);
  if (!descriptor_is_code(code) || (descriptor_is_conforming(code) ? dpl > privilege : dpl != privilege)) return exception_raise(VECTOR_GP, error);
  if (!descriptor_present(code)) return exception_raise(VECTOR_NP, error);
  return true;
}

static bool check_user_stack(uint32_t selector) {
  uint64_t stack;
  uint32_t error = selector & 0xfffc;
  if (!descriptor_read(selector, &stack) || (selector & 3) != 3 || descriptor_dpl(stack) != 3 || !descriptor_is_writable_data(stack))
    return exception_raise(VECTOR_GP, error);
  if (!descriptor_present(stack)) return exception_raise(VECTOR_SS, error);
  return true;
}

static void enter_user(uint32_t cs, uint32_t eip, uint32_t ss, uint32_t esp) {
  descriptors_follow();
  vcpu.cpl = 3;
  vcpu.regs.cs = cs | 3, vcpu.regs.eip = eip;
  vcpu.regs.ss = ss | 3, vcpu.regs.esp = esp;
  segments_leave_kernel();
}

/*
 * Code that nobody annotated may have pushed CS as ring 3 shows it: a return to a kernel segment with RPL 3, which the
 * processor would refuse, is one to the kernel.
 */
static bool returns_to_kernel(uint32_t cs) {
  uint64_t code;
  if ((cs & 3) == 0) return true;
  return descriptor_read(cs, &code) && descriptor_is_code(code) && !descriptor_is_conforming(code) && descriptor_dpl(code) == 0;
}

bool transfer_iret(const struct instruction *instruction) {
  uint32_t frame[5];   /* EIP, CS, EFLAGS, ESP, SS */
  if (instruction->operand16 || guest_flags() & FLAG_NT) return exception_raise(VECTOR_GP, 0);
  if (!read_stack(0, frame, 3)) return false;
  uint32_t cs = frame[1] & 0xffff;
  if (frame[2] & FLAG_VM && vcpu.cpl == 0) {
    report_guest_number("a return to virtual 8086 mode, which is not offered:", frame[2]);
    return exception_raise(VECTOR_GP, 0);
  }
  if (vcpu.cpl == 0 && returns_to_kernel(cs)) {
    bool same = (cs & ~3u) == (vcpu.regs.cs & ~3u);
    if (!same && !check_code(cs & ~3u, 0)) return false;
    move_stack(12);
    vcpu.regs.eip = original_to_stub(frame[0]);
    vcpu.regs.cs = cs | 3;
    load_flags(frame[2], ~0u);
    return true;
  }
  if ((cs & 3) != 3) return exception_raise(VECTOR_GP, cs & 0xfffc);
  if (!check_code(cs, 3)) return false;
  if (vcpu.cpl == 3) {
    move_stack(12);
    vcpu.regs.eip = frame[0];
    vcpu.regs.cs = cs;
    load_flags(frame[2], FLAGS_OWN);
    return true;
  }
  if (!read_stack(12, frame + 3, 2) || !check_user_stack(frame[4] & 0xffff)) return false;
  load_flags(frame[2], ~0u);
  enter_user(cs, frame[0], frame[4] & 0xffff, frame[3]);
  return true;
}

bool transfer_sysenter(void) {
  uint64_t code, stack;
  uint32_t cs = vcpu.sysenter_cs & 0xfffc;
  if (cs == 0) return exception_raise(VECTOR_GP, 0);
  /* The processor takes flat segments without looking; here they have to be in the table. */
  if (!descriptor_read(cs, &code) || !descriptor_is_code(code) || !descriptor_present(code) || !descriptor_read(cs + 8, &stack) ||
      !descriptor_is_writable_data(stack) || !descriptor_present(stack))
    return exception_raise(VECTOR_GP, cs);
  vcpu.cpl = 0;
  vcpu.regs.cs = cs | 3, vcpu.regs.eip = vcpu.sysenter_eip;
  vcpu.regs.ss = (cs + 8) | 3, vcpu.regs.esp = vcpu.sysenter_esp;
  load_flags(0, FLAG_IF | FLAG_RF);
  return true;
}

bool transfer_sysexit(void) {
  uint32_t cs = vcpu.sysenter_cs & 0xfffc;
  if (cs == 0 || vcpu.cpl != 0) return exception_raise(VECTOR_GP, 0);
  if (!check_code((cs + 16) | 3, 3) || !check_user_stack((cs + 24) | 3)) return false;
  enter_user(cs + 16, vcpu.regs.edx, cs + 24, vcpu.regs.ecx);
  return true;
}

static bool far_target(const struct instruction *i, uint32_t *offset, uint32_t *selector) {
  if (i->opcode != 0xff) {
    *offset = i->immediate, *selector = i->selector;
    return true;
  }
  uint8_t pointer[6] = {0};
  uint32_t size = i->operand16 ? 4 : 6;
  if (!guest_read(operand_address(i), pointer, size, present_access())) return exception_raise_page_fault();
  *offset = pointer[0] | (uint32_t)pointer[1] << 8;
  if (size == 6) *offset |= (uint32_t)pointer[2] << 16 | (uint32_t)pointer[3] << 24;
  *selector = pointer[size - 2] | (uint32_t)pointer[size - 1] << 8;
  return true;
}

bool transfer_far(const struct instruction *i) {
  uint32_t words[2], offset = 0, selector = 0;
  bool returns = i->opcode == 0xca || i->opcode == 0xcb, calls = i->opcode == 0x9a || (i->opcode == 0xff && modrm_reg(i) == 3);
  if (vcpu.cpl != 0 || i->operand16) return exception_raise(VECTOR_GP, 0);
  descriptors_follow();
  if (returns) {
    if (!read_stack(0, words, 2)) return false;
    offset = words[0], selector = words[1] & 0xffff;
    if ((selector & 3) == 3 && !returns_to_kernel(selector)) return exception_raise(VECTOR_GP, selector & 0xfffc);
  } else if (!far_target(i, &offset, &selector)) return false;
  if (!check_code(selector & ~3u, 0)) return false;
  if (returns) move_stack(8 + (i->opcode == 0xca ? i->immediate : 0));
  if (calls) {
    words[0] = vcpu.regs.eip + i->length, words[1] = virtual_selector(vcpu.regs.cs);
    if (!guest_write(segment_base(vcpu.regs.ss) + vcpu.regs.esp - 8, words, 8, 0)) return exception_raise_page_fault();
    vcpu.regs.esp -= 8;
  }
  vcpu.regs.cs = selector | 3;
  vcpu.regs.eip = offset;
  return true;
}
