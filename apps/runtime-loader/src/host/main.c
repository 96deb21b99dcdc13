/*
 * The guest's patcher as a program of the machine that builds it: loads a kernel into a buffer as it would lie in
 * physical memory, patches it, and writes what the guest would have in memory. Tests compare that with the reference
 * patcher, byte by byte, and feed it damaged tables.
 *
 *   host-patch KERNEL.elf TEMPLATES.bin PAGE_OFFSET FLAGS OUT_IMAGE OUT_ARENA RESIDENT.bin
 *
 * PAGE_OFFSET is hexadecimal; FLAGS are the container's (1 poison); OUT_IMAGE gets the loaded kernel from its lowest
 * physical address to the end of the last file contents, OUT_ARENA the bytes of the stub area that are used; the
 * addresses of routines, counters and stubs are those of RESIDENT.bin. Prints the lines of the boot image on standard
 * output. Exit code: 0 patched, 1 refused (an error line), 2 wrong use or a file that cannot be read or written.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../patch/annotations.h"
#include "../patch/crc32.h"
#include "../patch/patcher.h"
#include "../patch/templates.h"

/* A kernel that needs more memory than this is refused here, as it would not fit below the boot image. */
#define IMAGE_MAX 0x4000000u

static _Noreturn void wrong_use(const char *text, const char *name) {
  fprintf(stderr, "host-patch: %s %s\n", text, name);
  exit(2);
}

static struct error refused(struct error error) {
  if (error.where != 0) printf("previrt: error PV%u %s 0x%08x\n", error.code, error.text, error.where);
  else printf("previrt: error PV%u %s\n", error.code, error.text);
  return error;
}

static struct span read_file(const char *name) {
  FILE *file = fopen(name, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) wrong_use("cannot read", name);
  long size = ftell(file);
  uint8_t *bytes = malloc(size > 0 ? (size_t)size : 1);
  rewind(file);
  if (size < 0 || bytes == NULL || fread(bytes, 1, (size_t)size, file) != (size_t)size) wrong_use("cannot read", name);
  fclose(file);
  return (struct span){bytes, (uint32_t)size};
}

static void write_file(const char *name, const uint8_t *bytes, uint32_t size) {
  FILE *file = fopen(name, "wb");
  if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) wrong_use("cannot write", name);
}

/* End of the last file contents, as an offset into the loaded image. */
static uint32_t filled_size(const struct kernel *kernel) {
  uint32_t filled = 0;
  for (uint32_t i = 0; i < kernel->segment_count; i++) {
    const struct segment *segment = &kernel->segments[i];
    uint32_t end = segment->physical + segment->file_size - kernel->start;
    if (end > filled) filled = end;
  }
  return filled;
}

static struct error run(char **arguments) {
  struct span elf = read_file(arguments[1]), template_file = read_file(arguments[2]), blob = read_file(arguments[7]);
  uint32_t page_offset = (uint32_t)strtoul(arguments[3], NULL, 16), flags = (uint32_t)strtoul(arguments[4], NULL, 0);
  const struct resident_header *resident = (const struct resident_header *)blob.bytes;
  if (blob.size < sizeof *resident || resident->magic != RESIDENT_MAGIC) wrong_use("not a resident blob:", arguments[7]);

  struct kernel kernel;
  struct annotations annotations;
  struct templates templates;
  struct span table;
  TRY(kernel_open(&kernel, elf));
  if (kernel.end - kernel.start > IMAGE_MAX) return ERROR_AT(PV_NO_ROOM, kernel.end, "the kernel does not fit into memory, end");
  TRY(kernel_section(&kernel, ANNOTATION_SECTION, &table));
  TRY(annotations_open(&annotations, table));
  TRY(annotations_verify(&annotations, &kernel));
  TRY(templates_open(&templates, template_file, resident->routine_count, resident->counter_count));
  if (kernel.page_offset != page_offset)
    return ERROR_AT(PV_MALFORMED_ELF, kernel.page_offset, "the kernel has another page offset:");
  if (ranges_overlap(kernel.start, kernel.end, RESIDENT_PHYSICAL, RESIDENT_END))
    return ERROR_AT(PV_MALFORMED_ELF, kernel.start, "the kernel overlaps the resident area, address");

  uint8_t *image = calloc(1, kernel.end - kernel.start);
  uint32_t moved = page_offset - RESIDENT_PAGE_OFFSET;   /* the blob is linked for one page offset */
  uint32_t arena = resident->arena_address + moved, arena_size = resident->arena_size;
  uint32_t routines[64], routine_count = resident->routine_count;
  if (routine_count > 64 || !range_inside(resident->routines, 4 * routine_count, RESIDENT_PHYSICAL + RESIDENT_PAGE_OFFSET, blob.size))
    wrong_use("not a resident blob:", arguments[7]);
  memcpy(routines, blob.bytes + (resident->routines - RESIDENT_PHYSICAL - RESIDENT_PAGE_OFFSET), 4 * routine_count);
  for (uint32_t i = 0; i < routine_count; i++) routines[i] += moved;
  struct stub_area area = {
    .bytes = calloc(1, arena_size),
    .address = arena,
    .size = arena_size,
    .counters = resident->counters + moved,
    .routines = routines,
    .poison = flags & CONTAINER_POISON,
  };
  if (image == NULL || area.bytes == NULL) wrong_use("not enough memory for", arguments[1]);

  for (uint32_t i = 0; i < kernel.segment_count; i++) kernel.segments[i].loaded = image + (kernel.segments[i].physical - kernel.start);
  kernel_load(&kernel);
  struct patch_summary summary;
  TRY(patch_kernel(&kernel, &annotations, &templates, &area, &summary));
  printf("previrt: patched %u sites in %u patches, left %u, arena %u bytes\n", summary.sites, summary.applied, summary.left_out, area.used);
  write_file(arguments[5], image, filled_size(&kernel));
  write_file(arguments[6], area.bytes, area.used);
  return NO_ERROR;
}

int main(int count, char **arguments) {
  if (count != 8) wrong_use("usage:", "host-patch KERNEL.elf TEMPLATES.bin PAGE_OFFSET FLAGS OUT_IMAGE OUT_ARENA RESIDENT.bin");
  crc32_prepare();
  struct error error = run(arguments);
  if (error.code != 0) refused(error);
  return error.code == 0 ? 0 : 1;
}
