/*
 * The boot image: checks, loads, patches and starts the kernel of the container, in this order.
 *
 * Memory, physical: 90000h boot parameters - F00000h resident area (emulation routines, counters, stubs) - 1000000h kernel -
 * 2800000h this image - the container behind it, wherever the loader put it - the initrd at the top of low memory.
 * Nothing is changed before everything that can be checked has been.
 */
#include "../kernel/elf.h"
#include "../patch/annotations.h"
#include "../patch/crc32.h"
#include "../patch/patcher.h"
#include "../patch/templates.h"
#include "container.h"
#include "handover.h"
#include "multiboot.h"
#include "serial.h"

#define PAGE 4096u
/* Instructions in stubs that a back end can be told about; of Debian's kernels there are 8,000. */
enum { MOVED_MAX = 32768 };
/* Where the initrd ends at the latest: 864 MB, of which a kernel with the usual page offset maps all as low memory. */
#define LOW_MEMORY_END 0x36000000u

extern const uint8_t resident_image[], resident_image_end[], template_room[], template_room_end[];
extern uint8_t image_start[], image_end[];
_Noreturn void halt(void);

static struct resident_header *const resident = (struct resident_header *)RESIDENT_PHYSICAL;
static bool resident_placed;

/* What the pipeline works on. */
static struct machine machine;
static struct container container;
static struct kernel kernel;
static struct annotations annotations;
static struct templates templates;
static struct handover handover;
static uint32_t initrd;   /* its address, once it is known */

static void fail(struct error error) {
  serial_text("previrt: error PV");
  serial_decimal(error.code);
  serial_text(" ");
  serial_text(error.text);
  if (error.where != 0) {
    serial_text(" ");
    serial_hex(error.where);
  }
  serial_text("\n");
  if (resident_placed) resident->status = error.code;
  halt();
}

static void check(struct error error) {
  if (error.code != 0) fail(error);
}

static bool patching(void) {
  return !(container.flags & CONTAINER_NO_PATCH);
}

static struct error open_container(void) {
  struct span module = {(const uint8_t *)machine.module_start, machine.module_end - machine.module_start};
  TRY(container_open(&container, module));
  return kernel_open(&kernel, container.kernel);
}

/* Are all places free that the kernel, the resident area and the boot parameters will have? */
static struct error plan_memory(void) {
  uint32_t own_start = (uint32_t)image_start, own_end = (uint32_t)image_end;
  if (!machine_has(&machine, kernel.start, kernel.end)) return ERROR_AT(PV_NO_ROOM, kernel.end, "the kernel does not fit into memory, end");
  if (!machine_has(&machine, RESIDENT_PHYSICAL, RESIDENT_END)) return ERROR_AT(PV_NO_ROOM, RESIDENT_END, "the resident area does not fit into memory, end");
  if (!machine_has(&machine, HANDOVER_START, HANDOVER_END)) return ERROR_AT(PV_NO_ROOM, HANDOVER_START, "there is no memory for the boot parameters, address");
  if (ranges_overlap(kernel.start, kernel.end, 0, 0x100000)) return ERROR_AT(PV_NO_ROOM, kernel.start, "the kernel lies below 1 MB, address");
  if (ranges_overlap(kernel.start, kernel.end, RESIDENT_PHYSICAL, RESIDENT_END)) return ERROR_AT(PV_MALFORMED_ELF, kernel.start, "the kernel overlaps the resident area, address");
  uint32_t backend_start_at = (uint32_t)backend_memory.start, backend_end = (uint32_t)backend_memory.end;
  if (backend_end != 0 && !machine_has(&machine, backend_start_at, backend_end)) return ERROR_AT(PV_NO_ROOM, backend_end, "the monitor does not fit into memory, end");
  if (ranges_overlap(kernel.start, kernel.end, backend_start_at, backend_end)) return ERROR_AT(PV_NO_ROOM, kernel.end, "the kernel overlaps the monitor, end");
  if (ranges_overlap(kernel.start, kernel.end, own_start, own_end)) return ERROR_AT(PV_NO_ROOM, kernel.end, "the kernel overlaps the boot image, end");
  return NO_ERROR;
}

/* The module may be where the kernel goes: then it moves up behind this image. */
static struct error move_container_away(void) {
  uint32_t start = machine.module_start, end = machine.module_end, target = (uint32_t)image_end;
  bool in_the_way = ranges_overlap(start, end, kernel.start, kernel.end) || ranges_overlap(start, end, RESIDENT_PHYSICAL, RESIDENT_END) ||
                    ranges_overlap(start, end, HANDOVER_START, HANDOVER_END);
  if (!in_the_way) return NO_ERROR;
  if (target < kernel.end) target = (kernel.end + PAGE - 1) & -PAGE;
  if (end - start > UINT32_MAX - target || !machine_has(&machine, target, target + (end - start)))
    return ERROR_AT(PV_NO_ROOM, end - start, "the container cannot be moved out of the kernel's way, size");
  memmove((void *)target, (const void *)start, end - start);
  machine.module_start = target;
  machine.module_end = target + (end - start);
  return open_container();
}

/* The initrd's place: as high as possible, since the kernel grows upwards from its own end. */
static struct error plan_initrd(void) {
  uint32_t size = container.initrd.size;
  if (size == 0) return NO_ERROR;
  uint32_t top = machine_top(&machine, LOW_MEMORY_END);
  if (size > top) return ERROR_AT(PV_NO_ROOM, size, "the initrd does not fit into memory, size");
  initrd = (top - size) & -PAGE;
  if (!machine_has(&machine, initrd, initrd + size) || initrd < kernel.end || ranges_overlap(initrd, initrd + size, (uint32_t)image_start, (uint32_t)image_end))
    return ERROR_AT(PV_NO_ROOM, size, "the initrd does not fit into memory, size");
  return NO_ERROR;
}

static struct error check_tables(void) {
  const struct resident_header *image = (const struct resident_header *)resident_image;
  struct span table, room = {template_room, (uint32_t)(template_room_end - template_room)};
  TRY(kernel_section(&kernel, ANNOTATION_SECTION, &table));
  TRY(annotations_open(&annotations, table));
  TRY(annotations_verify(&annotations, &kernel));
  TRY(templates_open(&templates, room, image->routine_count, image->counter_count));
  if (kernel.page_offset != RESIDENT_PAGE_OFFSET)
    return ERROR_AT(PV_MALFORMED_ELF, kernel.page_offset, "the kernel has a page offset other than 0xc0000000:");
  return NO_ERROR;
}

static void load_kernel(void) {
  for (uint32_t i = 0; i < kernel.segment_count; i++) kernel.segments[i].loaded = (uint8_t *)kernel.segments[i].physical;
  kernel_load(&kernel);
  serial_text("previrt: kernel ");
  serial_decimal(kernel.end - kernel.start);
  serial_text(" bytes at ");
  serial_hex(kernel.start);
  serial_text("\n");
}

static void place_resident(void) {
  memcpy(resident, resident_image, (uint32_t)(resident_image_end - resident_image));
  resident_placed = true;
}

static struct error patch(void) {
  struct stub_area area = {
    .bytes = (uint8_t *)(resident->arena_address - RESIDENT_PAGE_OFFSET),
    .address = resident->arena_address,
    .size = resident->arena_size,
    .counters = resident->counters,
    .routines = (const uint32_t *)(resident->routines - RESIDENT_PAGE_OFFSET),
    .poison = container.flags & CONTAINER_POISON,
  };
  static struct moved_instruction moved[MOVED_MAX];
  area.moved = moved, area.moved_max = MOVED_MAX;
  struct patch_summary summary = {0};
  if (!(container.flags & CONTAINER_TRAP)) TRY(patch_kernel(&kernel, &annotations, &templates, &area, &summary));
  handover.moved = moved, handover.moved_count = area.moved_count;
  resident->arena_used = area.used;
  resident->patches_applied = summary.applied;
  resident->patches_left_out = summary.left_out;
  resident->flags = area.poison ? RESIDENT_POISON : 0;
  resident->arena_crc = crc32(0, area.bytes, area.used);
  /* For whoever looks at what came of patching; a kernel that is started changes itself at once. */
  if (container.flags & CONTAINER_STOP) resident->kernel_crc = kernel_checksum_loaded(&kernel);
  serial_text("previrt: patched ");
  serial_decimal(summary.sites);
  serial_text(" sites in ");
  serial_decimal(summary.applied);
  serial_text(" patches, left ");
  serial_decimal(summary.left_out);
  serial_text(", arena ");
  serial_decimal(area.used);
  serial_text(" bytes\n");
  return NO_ERROR;
}

static void stop(void) {
  serial_text("previrt: stopped behind patching\n");
  halt();
}

void boot(uint32_t magic, const struct multiboot_information *information);   /* called by entry.S */

void boot(uint32_t magic, const struct multiboot_information *information) {
  serial_open();
  crc32_prepare();
  check(machine_read(&machine, magic, information));
  check(open_container());
  check(plan_memory());
  check(move_container_away());
  check(plan_initrd());
  if (patching()) check(check_tables());

  /* From here on memory changes, and nothing but a full stub area can go wrong. */
  load_kernel();
  place_resident();
  if (patching()) check(patch());
  resident->status = patching() ? STATUS_PATCHED : STATUS_UNPATCHED;
  if (container.flags & CONTAINER_STOP) stop();

  linux_prepare(&machine, container.command, backend_arguments, backend_memory, initrd, container.initrd.size);
  if (initrd != 0) memmove((void *)initrd, container.initrd.bytes, container.initrd.size);
  serial_text("previrt: starting the kernel\n");
  handover.machine = &machine, handover.kernel = &kernel;
  if (patching()) handover.annotations = &annotations;
  handover.stubs = patching() && !(container.flags & CONTAINER_TRAP);
  check(backend_start(&handover));
}
