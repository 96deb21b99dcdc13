/*
 * The few instructions that trap: prefixes, opcode, operands. Not a decoder for everything; what is unknown here is not emulated.
 */
#ifndef DECODE_H
#define DECODE_H

#include <stdbool.h>
#include <stdint.h>

enum { INSTRUCTION_LONGEST = 15 };
enum { TWO_BYTE = 0x100 };   /* added to opcodes behind 0F */

struct instruction {
  uint32_t length;
  uint32_t opcode;
  bool operand16, address16, repeat, lock;
  int segment;          /* override, or -1 */
  uint8_t modrm;
  bool memory;          /* the operand of ModRM is in memory, at: */
  uint32_t address;     /* linear */
  uint32_t immediate;   /* port or vector */
  uint16_t selector;    /* of a far pointer, whose offset is `immediate` */
};

static inline uint32_t modrm_reg(const struct instruction *i) {
  return i->modrm >> 3 & 7;
}
static inline uint32_t modrm_rm(const struct instruction *i) {
  return i->modrm & 7;
}

/* A general register by its number. */
uint32_t *general_register(uint32_t number);

/*
 * Reads the instruction at EIP. `first`, unless it is negative, is what stood in its first byte before a trap did; the
 * guest may have put something else there. False: `exception_raise` was called,
 * for memory that is not there or for an instruction that is too long.
 */
bool decode(struct instruction *instruction, int first);

#endif
