#include "emulate.h"

#include "backend.h"
#include "control.h"
#include "decode.h"
#include "descriptors.h"
#include "events.h"
#include "exceptions.h"
#include "kinds.h"
#include "memory.h"
#include "ports.h"
#include "report.h"
#include "shadow.h"
#include "sites.h"
#include "transfer.h"

/* What became of an instruction: done; done, and EIP is set already; or an exception is raised. */
enum outcome { NEXT, MOVED, RAISED };

static enum outcome done(bool right) {
  return right ? NEXT : RAISED;
}

static enum outcome moved(bool right) {
  return right ? MOVED : RAISED;
}

/* ---- operands ---- */

static bool read_operand(const struct instruction *i, uint32_t size, void *to) {
  if (i->memory) return guest_read(operand_address(i), to, size, present_access()) || exception_raise_page_fault();
  const uint8_t *from = (const uint8_t *)general_register(modrm_rm(i));
  for (uint32_t n = 0; n < size; n++) ((uint8_t *)to)[n] = from[n];
  return true;
}

/* A 16-bit value into memory, or zero-extended into a register of the operand size. */
static bool write_word(const struct instruction *i, uint32_t value) {
  if (i->memory) return guest_write(operand_address(i), &value, 2, present_access()) || exception_raise_page_fault();
  uint32_t *to = general_register(modrm_rm(i));
  *to = i->operand16 ? (*to & 0xffff0000) | (value & 0xffff) : value;
  return true;
}

static bool push(uint32_t value, bool size16) {
  uint32_t size = size16 ? 2 : 4, pointer = vcpu.regs.esp - size;
  if (!guest_write(segment_base(vcpu.regs.ss) + pointer, &value, size, present_access())) return exception_raise_page_fault();
  vcpu.regs.esp = pointer;
  return true;
}

static bool peek(uint32_t *value, bool size16) {
  *value = 0;
  return guest_read(segment_base(vcpu.regs.ss) + vcpu.regs.esp, value, size16 ? 2 : 4, present_access()) || exception_raise_page_fault();
}

/* ---- flags ---- */

static enum outcome emulate_pushf(const struct instruction *i) {
  return done(push(guest_flags() & ~(uint32_t)(FLAG_RF | FLAG_VM), i->operand16));
}

static enum outcome emulate_popf(const struct instruction *i) {
  uint32_t value, mask = i->operand16 ? 0xffff : 0xffffffff & ~(uint32_t)FLAG_RF;
  if (!peek(&value, i->operand16)) return RAISED;
  vcpu.regs.esp += i->operand16 ? 2 : 4;
  if (vcpu.cpl == 3) mask &= ~(uint32_t)(FLAG_IF | FLAG_IOPL);
  load_flags(value, mask);
  return NEXT;
}

static enum outcome emulate_sti(void) {
  if (!interrupts_on()) {
    set_interrupts(true);
    events_delay_interrupts();
  }
  return NEXT;
}

static enum outcome emulate_cli(void) {
  set_interrupts(false);
  return NEXT;
}

/* ---- segments ---- */

static enum outcome emulate_load_segment(const struct instruction *i) {
  uint16_t selector;
  if (modrm_reg(i) == SEGMENT_CS || modrm_reg(i) >= SEGMENT_COUNT) return done(exception_raise(VECTOR_UD, 0));
  return done(read_operand(i, 2, &selector) && segment_load(modrm_reg(i), selector));
}

static enum outcome emulate_store_segment(const struct instruction *i) {
  if (modrm_reg(i) >= SEGMENT_COUNT) return done(exception_raise(VECTOR_UD, 0));
  return done(write_word(i, segment_selector(modrm_reg(i))));
}

static enum outcome emulate_push_segment(const struct instruction *i, enum segment_register segment) {
  return done(push(segment_selector(segment), i->operand16));
}

static enum outcome emulate_pop_segment(const struct instruction *i, enum segment_register segment) {
  uint32_t value;
  if (!peek(&value, i->operand16) || !segment_load(segment, value & 0xffff)) return RAISED;
  vcpu.regs.esp += i->operand16 ? 2 : 4;
  return NEXT;
}

static enum outcome emulate_load_far_pointer(const struct instruction *i, enum segment_register segment) {
  uint8_t pointer[6] = {0};
  uint32_t size = i->operand16 ? 2 : 4;
  if (!i->memory) return done(exception_raise(VECTOR_UD, 0));
  if (!guest_read(operand_address(i), pointer, size + 2, present_access())) return done(exception_raise_page_fault());
  if (!segment_load(segment, pointer[size] | (uint32_t)pointer[size + 1] << 8)) return RAISED;
  uint32_t offset = pointer[0] | (uint32_t)pointer[1] << 8, *to = general_register(modrm_reg(i));
  *to = i->operand16 ? (*to & 0xffff0000) | offset : offset | (uint32_t)pointer[2] << 16 | (uint32_t)pointer[3] << 24;
  return NEXT;
}

static bool system_descriptor(uint32_t selector, uint32_t type, struct system_segment *segment, uint64_t *descriptor) {
  uint32_t error = selector & 0xfffc;
  if (selector & 4 || !descriptor_read(selector, descriptor) || descriptor_is_segment(*descriptor) || descriptor_type(*descriptor) != type)
    return exception_raise(VECTOR_GP, error);
  if (!descriptor_present(*descriptor)) return exception_raise(VECTOR_NP, error);
  *segment = (struct system_segment){selector, descriptor_base(*descriptor), descriptor_limit(*descriptor)};
  return true;
}

static enum outcome emulate_lldt(const struct instruction *i) {
  uint16_t selector;
  uint64_t descriptor;
  if (!read_operand(i, 2, &selector)) return RAISED;
  struct system_segment segment = {selector, 0, 0};
  if ((selector & 0xfffc) != 0 && !system_descriptor(selector, TYPE_LDT, &segment, &descriptor)) return RAISED;
  vcpu.ldtr = segment;
  descriptors_follow();
  return NEXT;
}

static enum outcome emulate_ltr(const struct instruction *i) {
  uint16_t selector;
  uint64_t descriptor;
  struct system_segment segment;
  if (!read_operand(i, 2, &selector)) return RAISED;
  if ((selector & 0xfffc) == 0) return done(exception_raise(VECTOR_GP, 0));
  if (!system_descriptor(selector, TYPE_TASK_AVAILABLE, &segment, &descriptor)) return RAISED;
  descriptor |= (uint64_t)2 << 40;   /* busy */
  if (!guest_write(vcpu.gdtr.base + (selector & 0xfff8), &descriptor, 8, 0)) return done(exception_raise_page_fault());
  vcpu.tr = segment;
  return NEXT;
}

static enum outcome emulate_load_table(const struct instruction *i, struct table_register *table) {
  struct {
    uint16_t limit;
    uint32_t base;
  } __attribute__((packed)) pointer;
  if (!read_operand(i, 6, &pointer)) return RAISED;
  *table = (struct table_register){i->operand16 ? pointer.base & 0xffffff : pointer.base, pointer.limit};
  if (table == &vcpu.gdtr) descriptors_follow();
  return NEXT;
}

static enum outcome emulate_store_table(const struct instruction *i, const struct table_register *table) {
  struct {
    uint16_t limit;
    uint32_t base;
  } __attribute__((packed)) pointer = {(uint16_t)table->limit, table->base};
  return done(guest_write(operand_address(i), &pointer, 6, present_access()) || exception_raise_page_fault());
}

/* LAR and LSL see the guest's own descriptors, with its own privilege levels. */
static enum outcome emulate_load_rights(const struct instruction *i, bool limit) {
  uint16_t selector;
  uint64_t d;
  if (!read_operand(i, 2, &selector)) return RAISED;
  bool found = descriptor_read(selector, &d);
  if (found && !descriptor_is_segment(d)) {
    uint32_t type = descriptor_type(d);
    found = limit ? (1u << type & 0x0a0e) : (1u << type & 0x1a3e);
  }
  uint32_t most = vcpu.cpl > (selector & 3u) ? vcpu.cpl : selector & 3u;
  if (found && !descriptor_is_conforming(d) && descriptor_dpl(d) < most) found = false;
  load_flags(found ? FLAG_ZF : 0, FLAG_ZF);
  if (!found) return NEXT;
  uint32_t value = limit ? descriptor_limit(d) : (uint32_t)(d >> 32) & 0x00ffff00, *to = general_register(modrm_reg(i));
  *to = i->operand16 ? (*to & 0xffff0000) | (value & 0xffff) : value;
  return NEXT;
}

static enum outcome emulate_verify(const struct instruction *i, bool write) {
  uint16_t selector;
  uint64_t d;
  if (!read_operand(i, 2, &selector)) return RAISED;
  uint32_t most = vcpu.cpl > (selector & 3u) ? vcpu.cpl : selector & 3u;
  bool good = descriptor_read(selector, &d) && descriptor_is_segment(d) && (descriptor_is_conforming(d) || descriptor_dpl(d) >= most) &&
              (write ? descriptor_is_writable_data(d) : descriptor_is_readable(d));
  load_flags(good ? FLAG_ZF : 0, FLAG_ZF);
  return NEXT;
}

/* ---- control ---- */

static enum outcome emulate_write_control(const struct instruction *i) {
  return done(control_write(modrm_reg(i), *general_register(modrm_rm(i))));
}

static enum outcome emulate_read_control(const struct instruction *i) {
  return done(control_read(modrm_reg(i), general_register(modrm_rm(i))));
}

/* Debug registers are kept, and stop nothing. 4 and 5 are 6 and 7 unless CR4 says otherwise. */
static uint32_t *debug_register(const struct instruction *i) {
  uint32_t number = modrm_reg(i);
  bool alias = number == 4 || number == 5;
  if (!alias) return &vcpu.dr[number];
  if (!(vcpu.cr4 & CR4_DE)) return &vcpu.dr[number + 2];
  exception_raise(VECTOR_UD, 0);
  return 0;
}

static enum outcome emulate_write_debug(const struct instruction *i) {
  uint32_t *to = debug_register(i);
  if (to == 0) return RAISED;
  *to = *general_register(modrm_rm(i));
  return NEXT;
}

static enum outcome emulate_read_debug(const struct instruction *i) {
  const uint32_t *from = debug_register(i);
  if (from == 0) return RAISED;
  *general_register(modrm_rm(i)) = *from;
  return NEXT;
}

static enum outcome emulate_lmsw(const struct instruction *i) {
  uint16_t value;
  if (!read_operand(i, 2, &value)) return RAISED;
  uint32_t settable = CR0_MP | CR0_EM | CR0_TS;   /* PE cannot be cleared, and is set */
  return done(control_write(0, (vcpu.cr0 & ~settable) | (value & settable)));
}

static enum outcome emulate_rdmsr(void) {
  uint64_t value;
  if (!msr_read(vcpu.regs.ecx, &value)) return RAISED;
  vcpu.regs.eax = (uint32_t)value, vcpu.regs.edx = (uint32_t)(value >> 32);
  return NEXT;
}

static enum outcome emulate_wrmsr(void) {
  return done(msr_write(vcpu.regs.ecx, vcpu.regs.eax | (uint64_t)vcpu.regs.edx << 32));
}

static enum outcome emulate_rdtsc(void) {
  uint64_t value = processor_tsc();
  vcpu.regs.eax = (uint32_t)value, vcpu.regs.edx = (uint32_t)(value >> 32);
  return NEXT;
}

static enum outcome emulate_cpuid(void) {
  struct registers *r = &vcpu.regs;
  cpuid_read(&r->eax, &r->ebx, &r->ecx, &r->edx);
  return NEXT;
}

static enum outcome emulate_invlpg(const struct instruction *i) {
  if (!i->memory) return done(exception_raise(VECTOR_UD, 0));
  shadow_invalidate(operand_address(i));
  return NEXT;
}

/* ---- which is which ---- */

/* In user programs, too. */
static bool unprivileged(const struct instruction *i) {
  switch (i->opcode) {
    case 0x6c: case 0x6d: case 0x6e: case 0x6f: case 0xe4: case 0xe5: case 0xe6: case 0xe7: case 0xec: case 0xed: case 0xee: case 0xef:
    case TWO_BYTE + 0x34: return true;
    case 0xfa: case 0xfb: return vcpu.iopl == FLAG_IOPL;
    default: return false;
  }
}

static enum outcome emulate_group_6(const struct instruction *i, uint32_t *kind) {
  switch (modrm_reg(i)) {
    case 0: *kind = KIND_SLDT; return done(write_word(i, vcpu.ldtr.selector));
    case 1: *kind = KIND_STR; return done(write_word(i, vcpu.tr.selector));
    case 2: *kind = KIND_LLDT; return emulate_lldt(i);
    case 3: *kind = KIND_LTR; return emulate_ltr(i);
    case 4: *kind = KIND_VERR; return emulate_verify(i, false);
    case 5: *kind = KIND_VERW; return emulate_verify(i, true);
    default: return done(exception_raise(VECTOR_UD, 0));
  }
}

static enum outcome emulate_group_7(const struct instruction *i, uint32_t *kind) {
  switch (modrm_reg(i)) {
    case 4: *kind = KIND_SMSW; return done(write_word(i, vcpu.cr0));
    case 6: *kind = KIND_LMSW; return emulate_lmsw(i);
    case 7: *kind = KIND_INVLPG; return emulate_invlpg(i);
  }
  if (!i->memory) return done(exception_raise(VECTOR_UD, 0));
  switch (modrm_reg(i)) {
    case 0: *kind = KIND_SGDT; return emulate_store_table(i, &vcpu.gdtr);
    case 1: *kind = KIND_SIDT; return emulate_store_table(i, &vcpu.idtr);
    case 2: *kind = KIND_LGDT; return emulate_load_table(i, &vcpu.gdtr);
    case 3: *kind = KIND_LIDT; return emulate_load_table(i, &vcpu.idtr);
    default: return done(exception_raise(VECTOR_UD, 0));
  }
}

static enum outcome emulate(const struct instruction *i, uint32_t *kind) {
  bool again = false;
  if (i->lock) return done(exception_raise(VECTOR_UD, 0));
  if (vcpu.cpl == 3 && !unprivileged(i)) return done(exception_raise(VECTOR_GP, vcpu.regs.error));
  switch (i->opcode) {
    case 0xfa: *kind = KIND_CLI; return emulate_cli();
    case 0xfb: *kind = KIND_STI; return emulate_sti();
    case 0x9c: *kind = KIND_PUSHF; return emulate_pushf(i);
    case 0x9d: *kind = KIND_POPF; return emulate_popf(i);
    case 0xf4:
      *kind = KIND_HLT;
      events_halt();
      return NEXT;
    case 0xcf: *kind = KIND_IRET; return moved(transfer_iret(i));
    case 0xca: case 0xcb: *kind = KIND_RET_FAR; return moved(transfer_far(i));
    case 0x9a: *kind = KIND_CALL_FAR; return moved(transfer_far(i));
    case 0xea: *kind = KIND_JMP_FAR; return moved(transfer_far(i));
    case 0xff:
      if ((modrm_reg(i) != 3 && modrm_reg(i) != 5) || !i->memory) break;
      *kind = modrm_reg(i) == 3 ? KIND_CALL_FAR : KIND_JMP_FAR;
      return moved(transfer_far(i));
    case 0x6c: case 0x6d: case 0x6e: case 0x6f: case 0xe4: case 0xe5: case 0xe6: case 0xe7: case 0xec: case 0xed: case 0xee: case 0xef:
      *kind = i->opcode & 2 ? KIND_OUT : KIND_IN;
      if (!port_instruction(i, &again)) return RAISED;
      return again ? MOVED : NEXT;
    case 0x8c: *kind = KIND_MOV_FROM_SREG; return emulate_store_segment(i);
    case 0x8e: *kind = KIND_MOV_TO_SREG; return emulate_load_segment(i);
    case 0x06: case 0x0e: case 0x16: case 0x1e: *kind = KIND_PUSH_SREG; return emulate_push_segment(i, i->opcode >> 3);
    case 0x07: case 0x17: case 0x1f: *kind = KIND_POP_SREG; return emulate_pop_segment(i, i->opcode >> 3);
    case TWO_BYTE + 0xa0: case TWO_BYTE + 0xa8: *kind = KIND_PUSH_SREG; return emulate_push_segment(i, SEGMENT_FS + (i->opcode >> 3 & 1));
    case TWO_BYTE + 0xa1: case TWO_BYTE + 0xa9: *kind = KIND_POP_SREG; return emulate_pop_segment(i, SEGMENT_FS + (i->opcode >> 3 & 1));
    case 0xc4: *kind = KIND_LES; return emulate_load_far_pointer(i, SEGMENT_ES);
    case 0xc5: *kind = KIND_LDS; return emulate_load_far_pointer(i, SEGMENT_DS);
    case TWO_BYTE + 0xb2: *kind = KIND_LSS; return emulate_load_far_pointer(i, SEGMENT_SS);
    case TWO_BYTE + 0xb4: *kind = KIND_LFS; return emulate_load_far_pointer(i, SEGMENT_FS);
    case TWO_BYTE + 0xb5: *kind = KIND_LGS; return emulate_load_far_pointer(i, SEGMENT_GS);
    case TWO_BYTE + 0x00: return emulate_group_6(i, kind);
    case TWO_BYTE + 0x01: return emulate_group_7(i, kind);
    case TWO_BYTE + 0x02: *kind = KIND_LAR; return emulate_load_rights(i, false);
    case TWO_BYTE + 0x03: *kind = KIND_LSL; return emulate_load_rights(i, true);
    case TWO_BYTE + 0x06: *kind = KIND_CLTS; return done(control_write(0, vcpu.cr0 & ~(uint32_t)CR0_TS));
    case TWO_BYTE + 0x08: *kind = KIND_INVD; return NEXT;
    case TWO_BYTE + 0x09: *kind = KIND_WBINVD; return NEXT;
    case TWO_BYTE + 0x20: *kind = KIND_MOV_FROM_CR; return emulate_read_control(i);
    case TWO_BYTE + 0x21: *kind = KIND_MOV_FROM_DR; return emulate_read_debug(i);
    case TWO_BYTE + 0x22: *kind = KIND_MOV_TO_CR; return emulate_write_control(i);
    case TWO_BYTE + 0x23: *kind = KIND_MOV_TO_DR; return emulate_write_debug(i);
    case TWO_BYTE + 0x30: *kind = KIND_WRMSR; return emulate_wrmsr();
    case TWO_BYTE + 0x31: *kind = KIND_RDTSC; return emulate_rdtsc();
    case TWO_BYTE + 0x32: *kind = KIND_RDMSR; return emulate_rdmsr();
    case TWO_BYTE + 0x34: *kind = KIND_SYSENTER; return moved(transfer_sysenter());
    case TWO_BYTE + 0x35: *kind = KIND_SYSEXIT; return moved(transfer_sysexit());
    case TWO_BYTE + 0xa2: *kind = KIND_CPUID; return emulate_cpuid();
  }
  return done(exception_raise(VECTOR_GP, vcpu.regs.error));
}

void emulate_instruction(void) {
  struct site *site = vcpu.cpl == 0 ? site_at(vcpu.regs.eip) : 0;
  const struct instruction *instruction = decode(site != 0 && site->trapped ? site->first_byte : -1);
  if (instruction == NULL) {
    exception_deliver_raised();
    return;
  }
  uint32_t kind = 0;
  bool stepping = vcpu.regs.eflags & FLAG_TF;
  enum outcome outcome = emulate(instruction, &kind);
  if (site != 0) site->traps++;
  site_table.kind_traps[kind]++;
  if (outcome == NEXT) vcpu.regs.eip += instruction->length;
  if (outcome == RAISED) exception_deliver_raised();
  else if (stepping) events_single_step();
}
