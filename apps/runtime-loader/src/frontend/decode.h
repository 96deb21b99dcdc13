/*
 * The few instructions that trap: prefixes, opcode, operands. Not a decoder for everything; what is unknown here is not emulated.
 */
#ifndef DECODE_H
#define DECODE_H

#include <stdbool.h>
#include <stdint.h>

enum { INSTRUCTION_LONGEST = 15 };
enum { TWO_BYTE = 0x100 };   /* added to opcodes behind 0F */
enum { NO_REGISTER = 8 };

struct instruction {
  uint32_t length;
  uint32_t opcode;
  bool operand16, address16, repeat, lock;
  int segment;          /* of the operand in memory; of what has none, the override or -1 */
  uint8_t modrm;
  bool memory;          /* the operand of ModRM is in memory: see operand_address */
  uint8_t base, index, scale;   /* registers or NO_REGISTER; the index is shifted by `scale` */
  uint32_t displacement;
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

/* The linear address of the operand in memory, from the registers as they are. */
uint32_t operand_address(const struct instruction *i);

/*
 * The instruction at EIP, good until the next call. `first` stands for its first byte where that is a one-byte trap, unless it is
 * negative. Null: `exception_raise` was called, for memory that is not there or for an instruction that is too long.
 */
const struct instruction *decode(int first);

#endif
