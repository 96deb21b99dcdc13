/* The kernel as an ELF file: what is loaded where, and what lies at an address. */
#ifndef KERNEL_ELF_H
#define KERNEL_ELF_H

#include "bytes.h"
#include "error.h"

enum { SEGMENT_MAX = 16 };

struct segment {
  uint32_t virtual, physical;
  uint32_t file_size, memory_size;
  const uint8_t *file;   /* `file_size` bytes in the ELF file */
  uint8_t *loaded;       /* `memory_size` bytes in the guest's memory; set by whoever loads */
};

struct kernel {
  struct span elf;
  struct segment segments[SEGMENT_MAX];   /* the PT_LOADs, in program header order */
  uint32_t segment_count;
  uint32_t entry;         /* physical address */
  uint32_t page_offset;   /* virtual - physical of the first segment */
  uint32_t start, end;    /* physical range of all segments, [start, end) */
};

/* Reads and checks headers; points into `elf`, changes nothing. PV1001, PV1003, PV1004, PV1006. */
struct error kernel_open(struct kernel *kernel, struct span elf);

/* Contents of the section called `name`; an empty span if there is none. PV1001, PV1006. */
struct error kernel_section(const struct kernel *kernel, const char *name, struct span *contents);

/* The segment whose file contents hold [address, address + size), or null. */
const struct segment *kernel_segment_at(const struct kernel *kernel, uint32_t address, uint32_t size);

/* The kernel checksum of docs/formats.md: over the ELF file, or over the same bytes as they are loaded. */
uint32_t kernel_checksum(const struct kernel *kernel);
uint32_t kernel_checksum_loaded(const struct kernel *kernel);

/* Copies every segment to where `loaded` points and zeroes what the file does not fill. */
void kernel_load(const struct kernel *kernel);

#endif
