#include "decode.h"

#include "backend.h"
#include "descriptors.h"
#include "exceptions.h"
#include "memory.h"
#include "sites.h"

uint32_t *general_register(uint32_t number) {
  struct registers *r = &vcpu.regs;
  switch (number & 7) {
    case 0: return &r->eax;
    case 1: return &r->ecx;
    case 2: return &r->edx;
    case 3: return &r->ebx;
    case 4: return &r->esp;
    case 5: return &r->ebp;
    case 6: return &r->esi;
    default: return &r->edi;
  }
}

/* Where the bytes come from: the page that EIP is on, and from `split` on the one behind it. */
static struct {
  const uint8_t *bytes;
  uint32_t start, split;
  int first;
} source;

static uint32_t access(void) {
  return vcpu.cpl == 3 ? ACCESS_USER : 0;
}

static bool turn_page(uint32_t index) {
  uint32_t address = source.start + index;
  const uint8_t *bytes = guest_view(address, access());
  if (bytes == NULL) return exception_raise_page_fault();
  source.bytes = bytes - index;
  source.split = index + 4096 - (address & 4095);
  return true;
}

static bool next_byte(struct instruction *i, uint8_t *byte) {
  uint32_t index = i->length;
  if (index == INSTRUCTION_LONGEST) return exception_raise(VECTOR_GP, 0);
  if (index == source.split && !turn_page(index)) return false;
  *byte = source.bytes[index];
  if (index == 0 && source.first >= 0 && *byte == TRAP_OPCODE) *byte = (uint8_t)source.first;
  i->length++;
  return true;
}

static bool next_number(struct instruction *i, uint32_t size, uint32_t *value) {
  *value = 0;
  for (uint32_t n = 0; n < size; n++) {
    uint8_t byte;
    if (!next_byte(i, &byte)) return false;
    *value |= (uint32_t)byte << 8 * n;
  }
  return true;
}

static bool next_signed_byte(struct instruction *i, uint32_t *value) {
  uint8_t byte;
  if (!next_byte(i, &byte)) return false;
  *value = (uint32_t)(int32_t)(int8_t)byte;
  return true;
}

static bool displacement(struct instruction *i, uint32_t mod, uint32_t *value) {
  *value = 0;
  if (mod == 1) return next_signed_byte(i, value);
  if (mod == 2) return next_number(i, i->address16 ? 2 : 4, value);
  return true;
}

static bool address_16(struct instruction *i, uint32_t mod, uint32_t rm, uint32_t *offset, int *segment) {
  const struct registers *r = &vcpu.regs;
  const uint32_t bases[] = {r->ebx + r->esi, r->ebx + r->edi, r->ebp + r->esi, r->ebp + r->edi, r->esi, r->edi, r->ebp, r->ebx};
  bool absolute = mod == 0 && rm == 6;
  if (absolute) return next_number(i, 2, offset);
  if (!displacement(i, mod, offset)) return false;
  *offset = (*offset + bases[rm]) & 0xffff;
  if (rm == 2 || rm == 3 || rm == 6) *segment = SEGMENT_SS;
  return true;
}

static bool address_32(struct instruction *i, uint32_t mod, uint32_t rm, uint32_t *offset, int *segment) {
  uint32_t base = rm, scaled = 0;
  if (rm == 4) {
    uint8_t sib;
    if (!next_byte(i, &sib)) return false;
    base = sib & 7;
    if ((sib >> 3 & 7) != 4) scaled = *general_register(sib >> 3) << (sib >> 6);
  }
  bool absolute = mod == 0 && base == 5;
  uint32_t moved = 0;
  if (absolute ? !next_number(i, 4, &moved) : !displacement(i, mod, &moved)) return false;
  *offset = scaled + moved + (absolute ? 0 : *general_register(base));
  if (!absolute && (base == 4 || base == 5)) *segment = SEGMENT_SS;
  return true;
}

static bool operand(struct instruction *i) {
  if (!next_byte(i, &i->modrm)) return false;
  uint32_t mod = i->modrm >> 6, offset = 0;
  i->memory = mod != 3;
  /* MOV to and from control and debug registers has no memory form: mod is ignored. */
  if (i->opcode >= TWO_BYTE + 0x20 && i->opcode <= TWO_BYTE + 0x23) i->memory = false;
  if (!i->memory) return true;
  int segment = SEGMENT_DS;
  bool read = i->address16 ? address_16(i, mod, modrm_rm(i), &offset, &segment) : address_32(i, mod, modrm_rm(i), &offset, &segment);
  if (!read) return false;
  i->address = segment_base(segment_selector(i->segment >= 0 ? (enum segment_register)i->segment : (enum segment_register)segment)) + offset;
  return true;
}

static bool has_operand(uint32_t opcode) {
  switch (opcode) {
    case 0x8c: case 0x8e: case 0x8f: case 0xc4: case 0xc5: case 0xff: case 0x63:
    case TWO_BYTE + 0x00: case TWO_BYTE + 0x01: case TWO_BYTE + 0x02: case TWO_BYTE + 0x03:
    case TWO_BYTE + 0x20: case TWO_BYTE + 0x21: case TWO_BYTE + 0x22: case TWO_BYTE + 0x23:
    case TWO_BYTE + 0xb2: case TWO_BYTE + 0xb4: case TWO_BYTE + 0xb5: return true;
    default: return false;
  }
}

static bool immediates(struct instruction *i) {
  uint32_t selector;
  switch (i->opcode) {
    case 0xcd: case 0xe4: case 0xe5: case 0xe6: case 0xe7: return next_number(i, 1, &i->immediate);
    case 0xca: return next_number(i, 2, &i->immediate);
    case 0x9a: case 0xea:
      if (!next_number(i, i->operand16 ? 2 : 4, &i->immediate) || !next_number(i, 2, &selector)) return false;
      i->selector = (uint16_t)selector;
      return true;
    default: return true;
  }
}

bool decode(struct instruction *i, int first) {
  *i = (struct instruction){.segment = -1};
  source.start = segment_base(vcpu.regs.cs) + vcpu.regs.eip;
  source.split = 0;
  source.first = first;
  for (;;) {
    uint8_t byte;
    if (!next_byte(i, &byte)) return false;
    switch (byte) {
      case 0x26: i->segment = SEGMENT_ES; continue;
      case 0x2e: i->segment = SEGMENT_CS; continue;
      case 0x36: i->segment = SEGMENT_SS; continue;
      case 0x3e: i->segment = SEGMENT_DS; continue;
      case 0x64: i->segment = SEGMENT_FS; continue;
      case 0x65: i->segment = SEGMENT_GS; continue;
      case 0x66: i->operand16 = true; continue;
      case 0x67: i->address16 = true; continue;
      case 0xf0: i->lock = true; continue;
      case 0xf2: case 0xf3: i->repeat = true; continue;
    }
    i->opcode = byte;
    break;
  }
  if (i->opcode == 0x0f) {
    uint8_t byte;
    if (!next_byte(i, &byte)) return false;
    i->opcode = TWO_BYTE + byte;
  }
  if (has_operand(i->opcode) && !operand(i)) return false;
  return immediates(i);
}
