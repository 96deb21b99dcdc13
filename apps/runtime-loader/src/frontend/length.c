/*
 * Lengths of instructions by tables: two opcode maps of 256 letters say what follows an opcode; ModRM, SIB and displacement follow
 * one rule. Vector instructions (VEX, EVEX) are those of the map that they name. A constant number of steps per instruction.
 */
#include "length.h"

#include "kinds.h"

enum { LONGEST = 15, MODRM_REGISTER = 0xc0, SEGMENT_SHIFT = 5 };

/*
 * . nothing   M ModRM   b byte   w word   z operand-size immediate   B, Z ModRM and immediate   3 ModRM, immediate for TEST only
 * a address   f far pointer   e ENTER   r ModRM whose mod field is ignored   p prefix   x other map   v VEX, EVEX or ModRM
 * P POP's ModRM   8 POPCNT only   ? nothing that exists
 */
static const char one_byte[256 + 1] =
  "MMMMbz.." "MMMMbz.x" "MMMMbz.." "MMMMbz.."   /* 00 */
  "MMMMbzp." "MMMMbzp." "MMMMbzp." "MMMMbzp."   /* 20 */
  "........" "........" "........" "........"   /* 40 */
  "..vMpppp" "zZbB...." "bbbbbbbb" "bbbbbbbb"   /* 60 */
  "BZBBMMMM" "MMMMMMMP" "........" "..f....."   /* 80 */
  "aaaa...." "bz......" "bbbbbbbb" "zzzzzzzz"   /* A0 */
  "BBw.vvBZ" "e.w..b.." "MMMMbb.." "MMMMMMMM"   /* C0 */
  "bbbbbbbb" "zzfb...." "p.pp..33" "......MM";  /* E0 */
static const char two_byte[256 + 1] =
  "MMMM?..." "..?.?M.B" "MMMMMMMM" "MMMMMMMM"   /* 00 */
  "rrrr????" "MMMMMMMM" "......?." "x?x?????"   /* 20 */
  "MMMMMMMM" "MMMMMMMM" "MMMMMMMM" "MMMMMMMM"   /* 40 */
  "MMMMMMMM" "MMMMMMMM" "BBBBMMM." "MM??MMMM"   /* 60 */
  "zzzzzzzz" "zzzzzzzz" "MMMMMMMM" "MMMMMMMM"   /* 80 */
  "...MBMMM" "...MBMMM" "MMMMMMMM" "8MBMMMMM"   /* A0 */
  "MMBMBBBM" "........" "MMMMMMMM" "MMMMMMMM"   /* C0 */
  "MMMMMMMM" "MMMMMMMM" "MMMMMMMM" "MMMMMMMM";  /* E0 */

/* What is left of the bytes. */
struct reader {
  const uint8_t *bytes;
  uint32_t at, room;
};

static bool skip(struct reader *r, uint32_t count) {
  if (count > r->room - r->at) return false;
  r->at += count;
  return true;
}

static bool next(struct reader *r, uint8_t *byte) {
  if (r->at == r->room) return false;
  *byte = r->bytes[r->at++];
  return true;
}

/* ModRM, SIB, displacement, and an immediate of `immediate` bytes behind them. */
static bool operand(struct reader *r, bool address16, uint32_t immediate) {
  uint8_t modrm, sib;
  if (!next(r, &modrm)) return false;
  uint32_t mod = modrm >> 6, rm = modrm & 7, displacement = mod == 1 ? 1 : 0;
  if (mod != 3 && address16) {
    if (mod == 2 || (mod == 0 && rm == 6)) displacement = 2;
  } else if (mod != 3) {
    if (rm == 4) {
      if (!next(r, &sib)) return false;
      rm = sib & 7;   /* 4 cannot be a base by itself */
      if (mod == 0 && rm != 5) rm = 0;
    }
    if (mod == 2 || (mod == 0 && rm == 5)) displacement = 4;
  }
  return skip(r, displacement + immediate);
}

/* Behind C4, C5 or 62, whose next byte looks like a ModRM with two registers. */
static bool vector(struct reader *r, uint8_t first, bool address16) {
  uint8_t payload[3], opcode;
  uint32_t size = first == 0x62 ? 3 : first == 0xc4 ? 2 : 1;
  for (uint32_t i = 0; i < size; i++)
    if (!next(r, &payload[i])) return false;
  if (!next(r, &opcode)) return false;
  uint32_t map = size == 1 ? 1 : size == 2 ? payload[0] & 31 : payload[0] & 7;
  if (size == 3 && ((payload[0] & 8) != 0 || (payload[1] & 4) == 0)) return false;
  if (map == 1) {
    char what = opcode == 0x7a || opcode == 0x7b ? 'M' : two_byte[opcode];   /* conversions, by EVEX alone */
    if (what == '.') return size < 3 && opcode == 0x77;                      /* VZEROUPPER */
    return (what == 'M' || what == 'B') && operand(r, address16, what == 'B');
  }
  if (map == 2 || (size == 3 && (map == 5 || map == 6))) return operand(r, address16, 0);
  return map == 3 && operand(r, address16, 1);
}

static uint32_t segment_form(uint32_t number) {
  return number << SEGMENT_SHIFT;
}

/* The kind of an instruction that does not fault in ring 3 although it does something else there. */
static void classify(struct measured *m, bool two, uint8_t opcode, uint8_t modrm) {
  uint32_t reg = modrm >> 3 & 7;
  bool memory = modrm < MODRM_REGISTER;
  if (!two) {
    switch (opcode) {
      case 0x9c: m->kind = KIND_PUSHF; return;
      case 0x9d: m->kind = KIND_POPF; return;
      case 0xcf: m->kind = KIND_IRET; return;
      case 0x06: case 0x0e: case 0x16: case 0x1e: m->kind = KIND_PUSH_SREG, m->form = segment_form(opcode >> 3); return;
      case 0x8c: m->kind = KIND_MOV_FROM_SREG, m->form = segment_form(reg); return;
    }
    return;
  }
  switch (opcode) {
    case 0x00: m->kind = reg == 0 ? KIND_SLDT : reg == 1 ? KIND_STR : reg == 4 ? KIND_VERR : reg == 5 ? KIND_VERW : 0; return;
    case 0x01: m->kind = reg == 4 ? KIND_SMSW : !memory ? 0 : reg == 0 ? KIND_SGDT : reg == 1 ? KIND_SIDT : 0; return;
    case 0x02: m->kind = KIND_LAR; return;
    case 0x03: m->kind = KIND_LSL; return;
    case 0xa2: m->kind = KIND_CPUID; return;
  }
}

bool instruction_measure(struct measured *measured, const uint8_t *bytes, uint32_t room) {
  struct reader r = {bytes, 0, room < LONGEST ? room : LONGEST};
  bool operand16 = false, address16 = false, repeat = false, repeat_not = false, two = false;
  uint8_t opcode;
  char what;
  *measured = (struct measured){0};
  for (;;) {
    if (!next(&r, &opcode)) return false;
    what = one_byte[opcode];
    if (what != 'p') break;
    if (opcode == 0x66) operand16 = true;
    if (opcode == 0x67) address16 = true;
    if (opcode == 0xf3) repeat = true;
    if (opcode == 0xf2) repeat_not = true;
  }
  if (what == 'x') {
    two = true;
    if (!next(&r, &opcode)) return false;
    what = two_byte[opcode];
  }
  uint32_t word = operand16 ? 2 : 4;
  uint8_t behind = r.at < r.room ? bytes[r.at] : 0;
  bool ends = false;
  switch (what) {
    case '.': ends = true; break;
    case 'M': ends = operand(&r, address16, two && opcode == 0x78 && (operand16 || repeat_not) ? 2 : 0); break;   /* EXTRQ, INSERTQ */
    case 'b': ends = skip(&r, 1); break;
    case 'w': ends = skip(&r, 2); break;
    case 'z': ends = skip(&r, word); break;
    case 'B': ends = operand(&r, address16, 1); break;
    case 'Z': ends = operand(&r, address16, word); break;
    case '3': ends = operand(&r, address16, (behind & 0x30) != 0 ? 0 : opcode == 0xf6 ? 1 : word); break;
    case 'a': ends = skip(&r, address16 ? 2 : 4); break;
    case 'f': ends = skip(&r, word + 2); break;
    case 'e': ends = skip(&r, 3); break;
    case 'r': ends = skip(&r, 1); break;
    case 'P': ends = (behind & 0x38) == 0 && operand(&r, address16, 0); break;
    case '8': ends = repeat && operand(&r, address16, 0); break;
    case 'x': ends = skip(&r, 1) && operand(&r, address16, opcode == 0x3a); break;
    case 'v': ends = behind < MODRM_REGISTER ? operand(&r, address16, 0) : vector(&r, opcode, address16); break;
  }
  if (!ends) return false;
  measured->length = r.at;
  classify(measured, two, opcode, behind);
  return true;
}
