#include "decode.h"

#include "backend.h"
#include "descriptors.h"
#include "exceptions.h"
#include "frames.h"
#include "memory.h"
#include "shadow.h"
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

/* The bytes of the page that is being read, at most those that an instruction may have. */
static struct {
  const uint8_t *at, *end;
  uint32_t left;   /* bytes that the instruction may have behind `end` */
} source;

static bool view(uint32_t address, uint32_t most) {
  uint32_t room = 4096 - (address & 4095);
  const uint8_t *bytes = guest_view(address, present_access());
  if (bytes == NULL) return exception_raise_page_fault();
  source.at = bytes;
  source.end = bytes + (room < most ? room : most);
  source.left = room < most ? most - room : 0;
  return true;
}

static __attribute__((noinline)) bool turn_page(void) {
  if (source.left == 0) return exception_raise(VECTOR_GP, 0);
  return view(segment_base(vcpu.regs.cs) + vcpu.regs.eip + INSTRUCTION_LONGEST - source.left, source.left);
}

static inline bool next_byte(uint8_t *byte) {
  if (source.at == source.end && !turn_page()) return false;
  *byte = *source.at++;
  return true;
}

static bool next_number(uint32_t size, uint32_t *value) {
  *value = 0;
  for (uint32_t n = 0; n < size; n++) {
    uint8_t byte;
    if (!next_byte(&byte)) return false;
    *value |= (uint32_t)byte << 8 * n;
  }
  return true;
}

static bool next_signed_byte(uint32_t *value) {
  uint8_t byte;
  if (!next_byte(&byte)) return false;
  *value = (uint32_t)(int32_t)(int8_t)byte;
  return true;
}

static bool displacement(struct instruction *i, uint32_t mod, uint32_t *value) {
  *value = 0;
  if (mod == 1) return next_signed_byte(value);
  if (mod == 2) return next_number(i->address16 ? 2 : 4, value);
  return true;
}

static bool address_16(struct instruction *i, uint32_t mod, uint32_t rm, int *segment) {
  enum { BX = 3, BP = 5, SI = 6, DI = 7 };
  static const uint8_t bases[] = {BX, BX, BP, BP, SI, DI, BP, BX}, indexes[] = {SI, DI, SI, DI, NO_REGISTER, NO_REGISTER, NO_REGISTER, NO_REGISTER};
  if (mod == 0 && rm == 6) return next_number(2, &i->displacement);
  i->base = bases[rm], i->index = indexes[rm];
  if (i->base == BP) *segment = SEGMENT_SS;
  return displacement(i, mod, &i->displacement);
}

static bool address_32(struct instruction *i, uint32_t mod, uint32_t rm, int *segment) {
  i->base = (uint8_t)rm;
  if (rm == 4) {
    uint8_t sib;
    if (!next_byte(&sib)) return false;
    i->base = sib & 7;
    if ((sib >> 3 & 7) != 4) i->index = sib >> 3 & 7, i->scale = sib >> 6;
  }
  if (mod == 0 && i->base == 5) {
    i->base = NO_REGISTER;
    return next_number(4, &i->displacement);
  }
  if (i->base == 4 || i->base == 5) *segment = SEGMENT_SS;
  return displacement(i, mod, &i->displacement);
}

static bool operand(struct instruction *i) {
  if (!next_byte(&i->modrm)) return false;
  uint32_t mod = i->modrm >> 6;
  i->memory = mod != 3;
  /* MOV to and from control and debug registers has no memory form: mod is ignored. */
  if (i->opcode >= TWO_BYTE + 0x20 && i->opcode <= TWO_BYTE + 0x23) i->memory = false;
  if (!i->memory) return true;
  int segment = SEGMENT_DS;
  bool read = i->address16 ? address_16(i, mod, modrm_rm(i), &segment) : address_32(i, mod, modrm_rm(i), &segment);
  if (i->segment < 0) i->segment = segment;
  return read;
}

uint32_t operand_address(const struct instruction *i) {
  uint32_t offset = i->displacement;
  if (i->base != NO_REGISTER) offset += *general_register(i->base);
  if (i->index != NO_REGISTER) offset += *general_register(i->index) << i->scale;
  if (i->address16) offset &= 0xffff;
  return segment_base(segment_selector((enum segment_register)i->segment)) + offset;
}

/* What an opcode is followed by. */
enum { PREFIX = 1, OPERAND = 2, IMMEDIATE = 4 };
static const uint8_t shapes[2 * TWO_BYTE] = {
  [0x26] = PREFIX, [0x2e] = PREFIX, [0x36] = PREFIX, [0x3e] = PREFIX, [0x64] = PREFIX, [0x65] = PREFIX, [0x66] = PREFIX, [0x67] = PREFIX,
  [0xf0] = PREFIX, [0xf2] = PREFIX, [0xf3] = PREFIX,
  [0x63] = OPERAND, [0x8c] = OPERAND, [0x8e] = OPERAND, [0x8f] = OPERAND, [0xc4] = OPERAND, [0xc5] = OPERAND, [0xff] = OPERAND,
  [TWO_BYTE + 0x00 ... TWO_BYTE + 0x03] = OPERAND, [TWO_BYTE + 0x20 ... TWO_BYTE + 0x23] = OPERAND,
  [TWO_BYTE + 0xb2] = OPERAND, [TWO_BYTE + 0xb4] = OPERAND, [TWO_BYTE + 0xb5] = OPERAND,
  [0x9a] = IMMEDIATE, [0xca] = IMMEDIATE, [0xcd] = IMMEDIATE, [0xe4 ... 0xe7] = IMMEDIATE, [0xea] = IMMEDIATE,
};

static bool immediates(struct instruction *i) {
  uint32_t selector;
  switch (i->opcode) {
    case 0xcd: case 0xe4: case 0xe5: case 0xe6: case 0xe7: return next_number(1, &i->immediate);
    case 0xca: return next_number(2, &i->immediate);
    case 0x9a: case 0xea:
      if (!next_number(i->operand16 ? 2 : 4, &i->immediate) || !next_number(2, &selector)) return false;
      i->selector = (uint16_t)selector;
      return true;
    default: return true;
  }
}

static void prefix(struct instruction *i, uint8_t byte) {
  switch (byte) {
    case 0x26: i->segment = SEGMENT_ES; return;
    case 0x2e: i->segment = SEGMENT_CS; return;
    case 0x36: i->segment = SEGMENT_SS; return;
    case 0x3e: i->segment = SEGMENT_DS; return;
    case 0x64: i->segment = SEGMENT_FS; return;
    case 0x65: i->segment = SEGMENT_GS; return;
    case 0x66: i->operand16 = true; return;
    case 0x67: i->address16 = true; return;
    case 0xf0: i->lock = true; return;
    default: i->repeat = true;
  }
}

static bool read(struct instruction *i, int first) {
  uint8_t byte;
  *i = (struct instruction){.segment = -1, .base = NO_REGISTER, .index = NO_REGISTER};
  if (!next_byte(&byte)) return false;
  if (byte == TRAP_OPCODE && first >= 0) byte = (uint8_t)first;
  while (shapes[byte] & PREFIX) {
    prefix(i, byte);
    if (!next_byte(&byte)) return false;
  }
  i->opcode = byte;
  if (byte == 0x0f) {
    if (!next_byte(&byte)) return false;
    i->opcode = TWO_BYTE + byte;
  }
  uint8_t shape = shapes[i->opcode];
  if (shape & OPERAND && !operand(i)) return false;
  if (shape & IMMEDIATE && !immediates(i)) return false;
  i->length = INSTRUCTION_LONGEST - source.left - (uint32_t)(source.end - source.at);
  return true;
}

/*
 * Few instructions trap, and again and again. What was made of one stays right as long as its bytes do, which the guest may change at any
 * time: they are compared. Where they are is known as long as translations are.
 */
struct remembered {
  uint32_t start;
  int first;
  uint32_t frame, access, generation;
  uint64_t bytes, mask;   /* the mask has ones where the instruction has bytes; it is never 0 */
  struct instruction instruction;
};
static struct remembered memory[256];

static uint64_t eight_bytes(const uint8_t *at) {
  uint64_t bytes;
  __builtin_memcpy(&bytes, at, 8);
  return bytes;
}

static bool same_bytes(const struct remembered *m, const uint8_t *at) {
  return ((m->bytes ^ eight_bytes(at)) & m->mask) == 0;
}

static __attribute__((noinline)) const struct instruction *decode_anew(struct remembered *m, uint32_t start, int first) {
  static struct instruction rare;
  if (!view(start, INSTRUCTION_LONGEST)) return NULL;
  uint32_t frame;
  bool usual = source.end - source.at >= 8 && translation_known(start, present_access(), &frame) && frame_kind(frame) == FRAME_RAM;
  if (!usual) return read(&rare, first) ? &rare : NULL;
  bool known = m->start == start && m->first == first && m->mask != 0 && same_bytes(m, source.at);
  m->frame = frame, m->access = present_access(), m->generation = translations_generation;
  if (known) return &m->instruction;
  m->start = start, m->first = first, m->mask = 0;
  m->bytes = eight_bytes(source.at);
  if (!read(&m->instruction, first)) return NULL;
  /* A longer one is decoded each time. */
  if (m->instruction.length <= 8) m->mask = ~(uint64_t)0 >> (8 - m->instruction.length) * 8;
  return &m->instruction;
}

const struct instruction *decode(int first) {
  uint32_t start = segment_base(vcpu.regs.cs) + vcpu.regs.eip;
  struct remembered *m = &memory[(start ^ start >> 8) % 256];
  bool found = m->start == start && m->generation == translations_generation && m->first == first && m->access == present_access() && m->mask != 0;
  if (found && same_bytes(m, (const uint8_t *)backend_window(m->frame) + (start & 4095))) return &m->instruction;
  return decode_anew(m, start, first);
}
