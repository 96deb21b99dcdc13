/* Reads an ELF file for i386 (System V ABI, chapters 4 and 5), believing no number before it is checked. */
#include "elf.h"

#include "../patch/crc32.h"
#include "formats.h"

struct elf_header {
  uint8_t ident[16];
  uint16_t type, machine;
  uint32_t version, entry;
  uint32_t program_offset, section_offset;
  uint32_t flags;
  uint16_t header_size;
  uint16_t program_size, program_count;
  uint16_t section_size, section_count, section_names;
} PACKED;
SIZE_IS(struct elf_header, 52);

struct program_header {
  uint32_t type, offset, virtual, physical, file_size, memory_size, flags, align;
} PACKED;
SIZE_IS(struct program_header, 32);

struct section_header {
  uint32_t name, type, flags, address, offset, size, link, info, align, entry_size;
} PACKED;
SIZE_IS(struct section_header, 40);

enum { CLASS_32 = 1, LITTLE_ENDIAN_DATA = 1, TYPE_EXECUTABLE = 2, PROGRAM_LOAD = 1, SECTION_NOBITS = 8 };

static const struct elf_header *header_of(const struct kernel *kernel) {
  return (const struct elf_header *)kernel->elf.bytes;
}

static struct error check_header(struct span elf) {
  const struct elf_header *header = (const struct elf_header *)elf.bytes;
  if (elf.size < sizeof *header) return ERROR_AT(PV_TRUNCATED, elf.size, "the kernel is shorter than an ELF header");
  if (memcmp(header->ident, "\177ELF", 4) != 0) return ERROR(PV_NOT_A_KERNEL, "the kernel is not an ELF file");
  if (header->ident[4] != CLASS_32 || header->ident[5] != LITTLE_ENDIAN_DATA || header->machine != MACHINE_I386)
    return ERROR_AT(PV_ARCHITECTURE, header->machine, "the kernel is not for i386, ELF machine");
  if (header->type != TYPE_EXECUTABLE) return ERROR_AT(PV_NOT_A_KERNEL, header->type, "the ELF file is not an executable, type");
  if (header->program_size != sizeof(struct program_header))
    return ERROR_AT(PV_MALFORMED_ELF, header->program_size, "the ELF program headers have a bad size");
  if (!rows_fit(header->program_offset, header->program_count, sizeof(struct program_header), elf.size))
    return ERROR_AT(PV_TRUNCATED, header->program_offset, "the ELF program headers are not inside the file, offset");
  return NO_ERROR;
}

static struct error add_segment(struct kernel *kernel, const struct program_header *load) {
  if (load->memory_size == 0 && load->file_size == 0) return NO_ERROR;
  if (kernel->segment_count == SEGMENT_MAX) return ERROR_AT(PV_MALFORMED_ELF, SEGMENT_MAX, "more PT_LOAD segments than");
  if (!rows_fit(load->offset, load->file_size, 1, kernel->elf.size))
    return ERROR_AT(PV_TRUNCATED, load->virtual, "a segment is not inside the ELF file, address");
  if (load->file_size > load->memory_size)
    return ERROR_AT(PV_MALFORMED_ELF, load->virtual, "a segment has more bytes in the file than in memory, address");
  if (load->memory_size > UINT32_MAX - load->physical || load->memory_size > UINT32_MAX - load->virtual)
    return ERROR_AT(PV_MALFORMED_ELF, load->virtual, "a segment wraps around the end of memory, address");
  for (uint32_t i = 0; i < kernel->segment_count; i++) {
    const struct segment *other = &kernel->segments[i];
    if (ranges_overlap(load->physical, load->physical + load->memory_size, other->physical, other->physical + other->memory_size) ||
        ranges_overlap(load->virtual, load->virtual + load->memory_size, other->virtual, other->virtual + other->memory_size))
      return ERROR_AT(PV_MALFORMED_ELF, load->virtual, "two segments overlap, address");
  }
  kernel->segments[kernel->segment_count++] = (struct segment){
    .virtual = load->virtual,
    .physical = load->physical,
    .file_size = load->file_size,
    .memory_size = load->memory_size,
    .file = kernel->elf.bytes + load->offset,
  };
  if (load->physical < kernel->start) kernel->start = load->physical;
  if (load->physical + load->memory_size > kernel->end) kernel->end = load->physical + load->memory_size;
  return NO_ERROR;
}

/* Linux gives a physical entry point, others a virtual one. */
static struct error find_entry(struct kernel *kernel, uint32_t entry) {
  for (uint32_t i = 0; i < kernel->segment_count; i++) {
    const struct segment *segment = &kernel->segments[i];
    if (range_inside(entry, 1, segment->physical, segment->file_size)) {
      kernel->entry = entry;
      return NO_ERROR;
    }
    if (range_inside(entry, 1, segment->virtual, segment->file_size)) {
      kernel->entry = entry - segment->virtual + segment->physical;
      return NO_ERROR;
    }
  }
  return ERROR_AT(PV_MALFORMED_ELF, entry, "the entry point is in no segment, address");
}

struct error kernel_open(struct kernel *kernel, struct span elf) {
  TRY(check_header(elf));
  const struct elf_header *header = (const struct elf_header *)elf.bytes;
  const struct program_header *programs = (const struct program_header *)(elf.bytes + header->program_offset);
  *kernel = (struct kernel){.elf = elf, .start = 0xffffffff, .end = 0};
  for (uint32_t i = 0; i < header->program_count; i++)
    if (programs[i].type == PROGRAM_LOAD) TRY(add_segment(kernel, &programs[i]));
  if (kernel->segment_count == 0) return ERROR(PV_MALFORMED_ELF, "the kernel has no PT_LOAD segment");
  kernel->page_offset = kernel->segments[0].virtual - kernel->segments[0].physical;
  return find_entry(kernel, header->entry);
}

/* Is the NUL-terminated string at `offset` of `table` the one given? */
static bool string_at(struct span table, uint32_t offset, const char *text) {
  for (; offset < table.size; offset++, text++) {
    if (table.bytes[offset] != (uint8_t)*text) return false;
    if (*text == 0) return true;
  }
  return false;
}

struct error kernel_section(const struct kernel *kernel, const char *name, struct span *contents) {
  const struct elf_header *header = header_of(kernel);
  struct span elf = kernel->elf;
  *contents = (struct span){elf.bytes, 0};
  if (header->section_count == 0) return NO_ERROR;
  if (header->section_size != sizeof(struct section_header) || header->section_names >= header->section_count)
    return ERROR_AT(PV_MALFORMED_ELF, header->section_offset, "the ELF section headers are damaged, offset");
  if (!rows_fit(header->section_offset, header->section_count, sizeof(struct section_header), elf.size))
    return ERROR_AT(PV_TRUNCATED, header->section_offset, "the ELF section headers are not inside the file, offset");
  const struct section_header *sections = (const struct section_header *)(elf.bytes + header->section_offset);
  const struct section_header *names = &sections[header->section_names];
  if (!rows_fit(names->offset, names->size, 1, elf.size))
    return ERROR_AT(PV_TRUNCATED, names->offset, "the names of the ELF sections are not inside the file, offset");
  struct span strings = {elf.bytes + names->offset, names->size};
  for (uint32_t i = 0; i < header->section_count; i++) {
    const struct section_header *section = &sections[i];
    if (section->type == SECTION_NOBITS || !string_at(strings, section->name, name)) continue;
    if (!rows_fit(section->offset, section->size, 1, elf.size))
      return ERROR_AT(PV_TRUNCATED, section->offset, "a section is not inside the ELF file, offset");
    *contents = (struct span){elf.bytes + section->offset, section->size};
    return NO_ERROR;
  }
  return NO_ERROR;
}

const struct segment *kernel_segment_at(const struct kernel *kernel, uint32_t address, uint32_t size) {
  for (uint32_t i = 0; i < kernel->segment_count; i++) {
    const struct segment *segment = &kernel->segments[i];
    if (range_inside(address, size, segment->virtual, segment->file_size)) return segment;
  }
  return NULL;
}

uint32_t kernel_checksum(const struct kernel *kernel) {
  uint32_t crc = 0;
  for (uint32_t i = 0; i < kernel->segment_count; i++)
    crc = crc32(crc, kernel->segments[i].file, kernel->segments[i].file_size);
  return crc;
}

uint32_t kernel_checksum_loaded(const struct kernel *kernel) {
  uint32_t crc = 0;
  for (uint32_t i = 0; i < kernel->segment_count; i++)
    crc = crc32(crc, kernel->segments[i].loaded, kernel->segments[i].file_size);
  return crc;
}

void kernel_load(const struct kernel *kernel) {
  for (uint32_t i = 0; i < kernel->segment_count; i++) {
    const struct segment *segment = &kernel->segments[i];
    memcpy(segment->loaded, segment->file, segment->file_size);
    memset(segment->loaded + segment->file_size, 0, segment->memory_size - segment->file_size);
  }
}
