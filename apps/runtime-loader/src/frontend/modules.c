/*
 * Traps in a module, found by its ELF section headers and symbols, which the guest has at hand then (gABI, "Sections", "Symbol
 * Table"): each function is swept from its start, and gets its traps if an instruction ends where it does. So no byte is taken for
 * an instruction that is not one, unless a symbol lies; what no function covers stays as it is.
 *
 * All is read from the guest's memory as its own kernel would, and may be anything. What is too much is not done: at most
 * SECTIONS_MAX headers, SYMBOLS_MAX symbols and SWEPT_MAX bytes for one module.
 */
#include "modules.h"

#include "backend.h"
#include "bytes.h"
#include "descriptors.h"
#include "exceptions.h"
#include "length.h"
#include "memory.h"
#include "policy.h"
#include "report.h"
#include "sites.h"

enum { SECTIONS_MAX = 16384, SYMBOLS_MAX = 1 << 18, SWEPT_MAX = 16 << 20, FOUND_MAX = 1024 };
enum { TYPE_SYMBOLS = 2, FLAGS_CODE = 2 | 4, SYMBOL_FUNCTION = 2 };   /* SHT_SYMTAB, SHF_ALLOC | SHF_EXECINSTR, STT_FUNC */
#define ELF_MAGIC 0x464c457fu

struct elf_header {
  uint32_t magic;
  uint8_t class, identification[11];
  uint16_t type, machine;
  uint32_t version, entry, program_headers, section_headers, flags;
  uint16_t size, program_header_size, program_header_count, section_header_size, section_header_count, name_section;
};
struct elf_section {
  uint32_t name, type, flags, address, offset, size, link, information, alignment, entry_size;
};
struct elf_symbol {
  uint32_t name, value, size;
  uint8_t information, other;
  uint16_t section;
};
_Static_assert(sizeof(struct elf_header) == 52 && sizeof(struct elf_section) == 40 && sizeof(struct elf_symbol) == 16, "ELF32");

static uint32_t trap;
static bool flag_in_memory;

void modules_start(uint32_t address, bool in_memory) {
  trap = address;
  flag_in_memory = in_memory;
}

bool modules_trapped(void) {
  return trap != 0 && vcpu.regs.eip == trap && vcpu.cpl == 0 && paging();
}

static void report_once(bool *said, const char *what, uint32_t address) {
  if (!*said) report_guest_number(what, address);
  *said = true;
}

/* ---- traps ---- */

static bool trap_stands(uint32_t address) {
  uint8_t byte;
  return guest_read(address, &byte, 1, 0) && byte == TRAP_OPCODE;
}

static bool put_trap(uint32_t address, uint8_t first_byte, uint8_t kind) {
  static const uint8_t opcode = TRAP_OPCODE;
  if (!site_add(address, first_byte, kind)) {
    sites_drop_unless(trap_stands);   /* of modules that are gone */
    if (!site_add(address, first_byte, kind)) return false;
  }
  if (guest_write(address, &opcode, 1, 0)) return true;
  sites_drop(address, 1);
  return false;
}

/* ---- functions ---- */

/* A piece of the function being swept. */
static struct {
  uint32_t start, size;
  uint8_t bytes[4096];
} piece;

/* Code at `address`, of which `*room` bytes may be read, `left` at most; null: the guest cannot read it. */
static const uint8_t *code_at(uint32_t address, uint32_t left, uint32_t *room) {
  enum { ENOUGH = 15 };
  uint32_t offset = address - piece.start;
  if (offset > piece.size || piece.size - offset < (left < ENOUGH ? left : ENOUGH)) {
    piece.start = address, piece.size = left < sizeof piece.bytes ? left : sizeof piece.bytes, offset = 0;
    if (!guest_read(address, piece.bytes, piece.size, 0)) {
      piece.size = 0;
      return 0;
    }
  }
  *room = piece.size - offset < left ? piece.size - offset : left;
  return piece.bytes + offset;
}

static struct {
  uint32_t address;
  uint8_t first_byte, kind;
} found[FOUND_MAX];

/* Is [start, start + size) instructions from end to end? Collects those that need a trap. */
static bool find_sites(uint32_t start, uint32_t size, uint32_t *count) {
  piece.size = 0;
  *count = 0;
  for (uint32_t at = 0; at < size;) {
    uint32_t address = start + at, room;
    const uint8_t *code = code_at(address, size - at, &room);
    if (code == 0) return false;
    struct site *site = *code == TRAP_OPCODE ? site_at(address) : 0;
    if (site != 0 && site->trapped) piece.bytes[address - piece.start] = site->first_byte;   /* two symbols for one function */
    struct measured measured;
    if (!instruction_measure(&measured, code, room)) return false;
    if (site == 0 && measured.kind != 0 && policy_needs_trap(measured.kind, measured.form, flag_in_memory)) {
      if (*count == FOUND_MAX) return false;
      found[*count].address = address, found[*count].first_byte = *code, found[*count].kind = (uint8_t)measured.kind;
      ++*count;
    }
    at += measured.length;
  }
  return true;
}

static void rewrite_function(uint32_t start, uint32_t size) {
  static bool said_unreadable, said_full;
  uint32_t count;
  if (!find_sites(start, size, &count)) {
    report_once(&said_unreadable, "a function of a module is not instructions from end to end and stays as it is:", start);
    return;
  }
  for (uint32_t i = 0; i < count; i++)
    if (!put_trap(found[i].address, found[i].first_byte, found[i].kind)) {
      report_once(&said_full, "no trap can be put into a module:", found[i].address);
      return;
    }
}

/* ---- the file ---- */

/* The section headers in the guest's memory. */
struct sections {
  uint32_t start, count;
};

static bool read_section(const struct sections *sections, uint32_t index, struct elf_section *section) {
  return index < sections->count && guest_read(sections->start + index * sizeof *section, section, sizeof *section, 0);
}

/* False: not all of what there may be was looked at. */
static bool rewrite_functions(const struct sections *sections, const struct elf_section *table) {
  struct elf_symbol symbols[64];
  struct elf_section section = {0};
  uint32_t of = 0, swept = 0, all = table->size / sizeof *symbols, count = all < SYMBOLS_MAX ? all : SYMBOLS_MAX;
  for (uint32_t first = 0; first < count; first += 64) {
    uint32_t some = count - first < 64 ? count - first : 64;
    if (!guest_read(table->address + first * sizeof *symbols, symbols, some * sizeof *symbols, 0)) return false;
    for (uint32_t i = 0; i < some; i++) {
      const struct elf_symbol *symbol = &symbols[i];
      if ((symbol->information & 15) != SYMBOL_FUNCTION || symbol->section == 0 || symbol->size == 0) continue;
      if (symbol->section != of) {
        of = read_section(sections, symbol->section, &section) ? symbol->section : 0;
        if (of == 0) continue;
      }
      if ((section.flags & FLAGS_CODE) != FLAGS_CODE || !range_inside(symbol->value, symbol->size, section.address, section.size)) continue;
      if (symbol->size > SWEPT_MAX - swept) return false;
      swept += symbol->size;
      rewrite_function(symbol->value, symbol->size);
    }
  }
  return swept != 0 && all == count;
}

static bool rewrite_module(uint32_t header_address, uint32_t section_headers) {
  struct elf_header header;
  struct elf_section section, symbols = {0};
  if (!guest_read(header_address, &header, sizeof header, 0) || header.magic != ELF_MAGIC || header.class != 1 ||
      header.section_header_size != sizeof section || header.section_header_count > SECTIONS_MAX)
    return false;
  struct sections sections = {section_headers, header.section_header_count};
  for (uint32_t i = 0; i < sections.count; i++) {
    if (!read_section(&sections, i, &section)) return false;
    if (section.flags & FLAGS_CODE) sites_drop(section.address, section.size);   /* of a module that was here before */
    if (section.type == TYPE_SYMBOLS) symbols = section;
  }
  return rewrite_functions(&sections, &symbols);
}

void modules_loaded(void) {
  uint32_t arguments[2];
  if (!guest_read(segment_base(vcpu.regs.ss) + vcpu.regs.esp, arguments, sizeof arguments, 0)) {
    exception_raise_page_fault();
    exception_deliver_raised();
    return;
  }
  static bool said;
  if (vcpu.regs.eax == 0 && !rewrite_module(arguments[0], arguments[1]))
    report_once(&said, "code of a module stays as it is, its symbols name no functions or too many; section headers at", arguments[1]);
  vcpu.regs.eip++;
}
