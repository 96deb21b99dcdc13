/*
 * The byte formats that pass between the offline tools and the guest, as structs: docs/formats.md says what every
 * field means. All are packed, because nothing promises that a table starts at an aligned address.
 */
#ifndef FORMATS_H
#define FORMATS_H

#include <stdint.h>

#define PACKED __attribute__((packed))
#define SIZE_IS(type, size) _Static_assert(sizeof(type) == (size), #type " is not " #size " bytes long")

#define MAGIC(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

enum { FORMAT_VERSION = 1, MAGIC_AND_VERSION = 8, MACHINE_I386 = 3, MACHINE_AMD64 = 62 };

#define NO_ROW 0xffffffffu

/* ---- annotation table: ELF section `.previrt` ---- */

#define ANNOTATION_SECTION ".previrt"
#define ANNOTATION_MAGIC MAGIC('P', 'V', 'A', 'N')

struct annotation_header {
  uint32_t magic;
  uint16_t version, header_size;
  uint32_t total_size;
  uint16_t machine, reserved_14;
  uint32_t address_high;
  uint32_t table_crc;
  uint32_t kernel_crc;
  uint32_t site_count, site_offset;
  uint32_t patch_count, patch_offset;
  uint32_t item_count, item_offset;
  uint32_t module_call;       /* the call of (or jump to) module_finalize, 0 for none */
  uint8_t elf_sha256[32];
  uint32_t module_function;   /* module_finalize */
  uint32_t reserved_92;
} PACKED;
SIZE_IS(struct annotation_header, 96);
enum { ANNOTATION_CRC_FROM = 24 };

struct site_row {
  uint32_t address;
  uint16_t kind, form;
  uint8_t length, first_byte, flags, knows;
  uint32_t known;
  uint32_t live_parts, live_rest;
  uint32_t patch;
  uint8_t reason, reserved_29;
  uint16_t assumptions;
} PACKED;
SIZE_IS(struct site_row, 32);
enum { SITE_IN_ALTERNATIVE = 1, SITE_HAS_EXCEPTION_ROW = 2, SITE_EARLY = 4, SITE_STEPPED = 8 };
enum { KNOWS_NOTHING, KNOWS_PORT, KNOWS_MSR, KNOWS_LEAF };

struct patch_row {
  uint32_t start;
  uint8_t length, tactic;
  uint16_t item_count;
  uint32_t first_item;
  uint32_t window_crc;
} PACKED;
SIZE_IS(struct patch_row, 16);
enum { TACTIC_IDIOM = 1, TACTIC_FORWARD, TACTIC_BACKWARD, TACTIC_SHORT };
enum { WINDOW_MIN = 5, SHORT_WINDOW_MIN = 7, WINDOW_MAX = 64, INSTRUCTION_MAX = 15 };

struct item_row {
  uint8_t op, length, condition, offset;
  uint32_t target;
  uint32_t reserved_8;
} PACKED;
SIZE_IS(struct item_row, 12);
enum item_op { ITEM_COPY = 1, ITEM_SITE, ITEM_JUMP, ITEM_CONDITIONAL, ITEM_CALL };

/* ---- stub templates: section `.previrt.templates` of the boot image ---- */

#define TEMPLATE_MAGIC MAGIC('P', 'V', 'T', 'T')

struct template_header {
  uint32_t magic;
  uint16_t version, header_size;
  uint32_t total_size;
  uint32_t table_crc;
  char profile[16];
  uint32_t group_count, group_offset;
  uint32_t template_count, template_offset;
  uint32_t hole_count, hole_offset;
  uint32_t code_offset, code_size;
  uint32_t first_poison;
  uint16_t machine, flags;
} PACKED;
SIZE_IS(struct template_header, 72);
enum { TEMPLATES_UNSTEPPED = 1 };
enum { TEMPLATE_CRC_FROM = 16 };

struct group_row {
  uint16_t kind, form;
  uint16_t clobbers;
  uint8_t clobbers_flags, knows;
  uint32_t first_template;
} PACKED;
SIZE_IS(struct group_row, 12);
enum { ANY_FORM = 0xffff };

struct template_row {
  uint32_t code_offset;
  uint16_t length, insert_at;
  uint32_t first_hole;
  uint16_t hole_count, reserved_14;
} PACKED;
SIZE_IS(struct template_row, 16);
enum { NO_INSERTION = 0xffff };

struct hole_row {
  uint16_t offset;
  uint8_t type, reserved_3;
  uint32_t argument;
} PACKED;
SIZE_IS(struct hole_row, 8);
enum hole_type {
  HOLE_ROUTINE = 1, HOLE_COUNTER, HOLE_KNOWN, HOLE_SITE, HOLE_NEXT, HOLE_DEAD_COMPLEMENT, HOLE_DEAD_GARBAGE,
};
enum { HOLE_SIZE = 4 };

/* Poison templates: seven for the parts of each register, then one for the flags. */
enum { POISON_PER_REGISTER = 7, POISON_FLAGS = 56, POISON_COUNT = 57 };

/* ---- resident area ---- */

#define RESIDENT_MAGIC MAGIC('P', 'V', 'R', 'S')
#define RESIDENT_PHYSICAL 0x00f00000u
#define RESIDENT_END 0x01000000u
#define RESIDENT_PAGE_OFFSET 0xc0000000u

struct resident_header {
  uint32_t magic;
  uint16_t version, header_size;
  uint32_t size;
  uint32_t arena_address, arena_size, arena_used;
  uint32_t counters, counter_count;
  uint32_t routine_count, routines;
  uint32_t status;
  uint32_t patches_applied, patches_left_out;
  uint32_t flags;
  uint32_t arena_crc;
  uint32_t kernel_crc;
} PACKED;
SIZE_IS(struct resident_header, 64);
enum { STATUS_NOTHING = 0, STATUS_PATCHED = 1, STATUS_UNPATCHED = 2 };
enum { RESIDENT_POISON = 1 };

/* ---- container: the boot image's multiboot module ---- */

#define CONTAINER_MAGIC MAGIC('P', 'V', 'C', 'T')

struct container_header {
  uint32_t magic;
  uint16_t version, header_size;
  uint32_t total_size;
  uint32_t header_crc;
  uint32_t flags;
  uint32_t kernel_offset, kernel_size;
  uint32_t initrd_offset, initrd_size;
  uint32_t command_offset, command_size;
  uint8_t reserved_44[20];
} PACKED;
SIZE_IS(struct container_header, 64);
enum { CONTAINER_CRC_FROM = 16, COMMAND_LINE_MAX = 2047 };
enum { CONTAINER_POISON = 1, CONTAINER_STOP = 2, CONTAINER_NO_PATCH = 4, CONTAINER_TRAP = 8, CONTAINER_FLAGS = 15 };

#endif
