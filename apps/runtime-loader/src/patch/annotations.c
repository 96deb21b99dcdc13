/*
 * Checks an annotation table. Afterwards holds: the items of every patch cover its window exactly, and one of them at
 * least is a site; each site item names a row that exists, and that row names this patch, this address and this length.
 */
#include "annotations.h"

#include "crc32.h"

enum { CALL_SIZE = 5, OPCODE_CALL = 0xe8, OPCODE_JUMP = 0xe9 };

/* Counts the sites that name a patch on the way. */
static struct error check_sites(const struct annotations *a, uint32_t *patched) {
  const struct annotation_header *header = a->header;
  for (uint32_t i = 0; i < header->site_count; i++) {
    const struct site_row *site = &a->sites[i];
    if (site->length < 1 || site->length > INSTRUCTION_MAX || site->length - 1u > UINT32_MAX - site->address)
      return ERROR_AT(PV_DAMAGED_TABLE, site->address, "a site's instruction has a bad length, address");
    if (i > 0 && site->address <= a->sites[i - 1].address)
      return ERROR_AT(PV_DAMAGED_TABLE, site->address, "the sites are not in ascending order, address");
    if (site->knows > KNOWS_LEAF) return ERROR_AT(PV_DAMAGED_TABLE, site->address, "a site knows something of an unknown type, address");
    if (site->patch != NO_ROW && site->patch >= header->patch_count)
      return ERROR_AT(PV_DAMAGED_TABLE, site->address, "a site names a patch that does not exist, address");
    if ((site->patch == NO_ROW) == (site->reason == 0))
      return ERROR_AT(PV_DAMAGED_TABLE, site->address, "a site is either in a patch or has a reason why not, address");
    if (site->patch != NO_ROW) ++*patched;
  }
  return NO_ERROR;
}

static struct error check_item(const struct annotations *a, uint32_t patch, const struct item_row *item, bool last) {
  uint32_t address = a->patches[patch].start + item->offset;
  if (item->condition > (item->op == ITEM_CONDITIONAL ? 15 : 0)) return ERROR_AT(PV_DAMAGED_TABLE, address, "an item has a bad condition, address");
  switch (item->op) {
    case ITEM_COPY:
    case ITEM_CONDITIONAL:
      return NO_ERROR;
    case ITEM_SITE: {
      if (item->target >= a->header->site_count) return ERROR_AT(PV_DAMAGED_TABLE, address, "an item names a site that does not exist, address");
      const struct site_row *site = &a->sites[item->target];
      if (site->address != address || site->length != item->length || site->patch != patch)
        return ERROR_AT(PV_DAMAGED_TABLE, address, "an item and its site do not agree, address");
      return NO_ERROR;
    }
    case ITEM_JUMP:
    case ITEM_CALL:
      if (!last) return ERROR_AT(PV_DAMAGED_TABLE, address, "a jump or call is not the last item, address");
      return NO_ERROR;
    default:
      return ERROR_AT(PV_DAMAGED_TABLE, address, "an item has an unknown operation, address");
  }
}

/* Adds the sites in the window to `found`. */
static struct error check_patch(const struct annotations *a, uint32_t index, uint32_t *found) {
  const struct patch_row *patch = &a->patches[index];
  uint32_t start = patch->start, items = patch->item_count;
  if (patch->length < WINDOW_MIN || patch->length > WINDOW_MAX || patch->length - 1u > UINT32_MAX - start)
    return ERROR_AT(PV_DAMAGED_TABLE, start, "a window has a bad length, address");
  if (index > 0 && (start <= patch[-1].start || start - patch[-1].start < patch[-1].length))
    return ERROR_AT(PV_DAMAGED_TABLE, start, "the windows overlap or are not in ascending order, address");
  if (patch->tactic < TACTIC_IDIOM || patch->tactic > TACTIC_SHORT || (patch->tactic == TACTIC_SHORT && patch->length < SHORT_WINDOW_MIN)) return ERROR_AT(PV_DAMAGED_TABLE, start, "a window has an unknown tactic, address");
  if (!rows_fit(patch->first_item, items, 1, a->header->item_count))
    return ERROR_AT(PV_DAMAGED_TABLE, start, "the items of a window do not exist, address");
  uint32_t covered = 0, sites = 0;
  for (uint32_t i = 0; i < items; i++) {
    const struct item_row *item = &a->items[patch->first_item + i];
    if (item->offset != covered || item->length < 1 || item->length > INSTRUCTION_MAX)
      return ERROR_AT(PV_DAMAGED_TABLE, start, "the items of a window are not one behind the other, address");
    covered += item->length;
    if (covered > patch->length) break;
    TRY(check_item(a, index, item, i + 1 == items));
    sites += item->op == ITEM_SITE;
  }
  if (covered != patch->length) return ERROR_AT(PV_DAMAGED_TABLE, start, "the items of a window do not cover it, address");
  if (sites == 0) return ERROR_AT(PV_DAMAGED_TABLE, start, "a window holds no site, address");
  *found += sites;
  return NO_ERROR;
}

/* The call of the module hook: a whole one, in no window. */
static struct error check_module_hook(const struct annotations *a) {
  uint32_t call = a->header->module_call;
  if ((call == 0) != (a->header->module_function == 0)) return ERROR_AT(PV_DAMAGED_TABLE, call, "the module hook is not whole, address");
  if (call == 0) return NO_ERROR;
  if (call > UINT32_MAX - (CALL_SIZE - 1)) return ERROR_AT(PV_DAMAGED_TABLE, call, "the module hook has a bad address");
  for (uint32_t i = 0; i < a->header->patch_count; i++) {
    const struct patch_row *patch = &a->patches[i];
    if (patch->start <= call + (CALL_SIZE - 1) && call <= patch->start + (patch->length - 1u))
      return ERROR_AT(PV_DAMAGED_TABLE, call, "the module hook is in a window, address");
  }
  return NO_ERROR;
}

struct error annotations_open(struct annotations *a, struct span table) {
  const struct annotation_header *header = (const struct annotation_header *)table.bytes;
  if (table.size < MAGIC_AND_VERSION || header->magic != ANNOTATION_MAGIC)
    return ERROR(PV_NOT_ANNOTATED, "the kernel has no annotation table");
  if (header->version != FORMAT_VERSION) return ERROR_AT(PV_VERSION, header->version, "the annotation table has another version");
  if (table.size < sizeof *header || header->header_size != sizeof *header)
    return ERROR_AT(PV_DAMAGED_TABLE, table.size, "the annotation table's header is damaged, size");
  uint32_t total = header->total_size;
  if (total < sizeof *header || total > table.size)
    return ERROR_AT(PV_DAMAGED_TABLE, total, "the annotation table is truncated, size");
  if (crc32(0, table.bytes + ANNOTATION_CRC_FROM, total - ANNOTATION_CRC_FROM) != header->table_crc)
    return ERROR(PV_DAMAGED_TABLE, "the annotation table does not match its checksum");
  if (header->machine != MACHINE_I386 || header->address_high != 0)
    return ERROR_AT(header->machine == MACHINE_AMD64 ? PV_OTHER_KERNEL : PV_DAMAGED_TABLE, header->machine, "the annotation table is not for i386, ELF machine");
  if (header->site_offset < sizeof *header || header->patch_offset < sizeof *header || header->item_offset < sizeof *header ||
      !rows_fit(header->site_offset, header->site_count, sizeof(struct site_row), total) ||
      !rows_fit(header->patch_offset, header->patch_count, sizeof(struct patch_row), total) ||
      !rows_fit(header->item_offset, header->item_count, sizeof(struct item_row), total))
    return ERROR(PV_DAMAGED_TABLE, "rows of the annotation table are not inside it");
  *a = (struct annotations){
    .header = header,
    .sites = (const struct site_row *)(table.bytes + header->site_offset),
    .patches = (const struct patch_row *)(table.bytes + header->patch_offset),
    .items = (const struct item_row *)(table.bytes + header->item_offset),
  };
  uint32_t patched = 0, found = 0;
  TRY(check_sites(a, &patched));
  for (uint32_t i = 0; i < header->patch_count; i++) TRY(check_patch(a, i, &found));
  TRY(check_module_hook(a));
  if (found != patched) return ERROR_AT(PV_DAMAGED_TABLE, found, "not every site that names a patch is in it, found");
  return NO_ERROR;
}

static struct error verify_module_hook(const struct annotations *a, const struct kernel *kernel) {
  uint32_t call = a->header->module_call, displacement;
  if (call == 0) return NO_ERROR;
  const struct segment *segment = kernel_segment_at(kernel, call, CALL_SIZE);
  if (segment == NULL) return ERROR_AT(PV_OTHER_KERNEL, call, "the module hook is not inside the kernel, address");
  const uint8_t *bytes = segment->file + (call - segment->virtual);
  memcpy(&displacement, bytes + 1, sizeof displacement);
  if ((bytes[0] != OPCODE_CALL && bytes[0] != OPCODE_JUMP) || call + CALL_SIZE + displacement != a->header->module_function)
    return ERROR_AT(PV_OTHER_KERNEL, call, "the module hook is no call of the annotated function, address");
  return NO_ERROR;
}

struct error annotations_verify(const struct annotations *a, const struct kernel *kernel) {
  const struct annotation_header *header = a->header;
  if (kernel_checksum(kernel) != header->kernel_crc)
    return ERROR_AT(PV_OTHER_KERNEL, header->kernel_crc, "the kernel does not match the annotation table's checksum");
  for (uint32_t i = 0; i < header->patch_count; i++) {
    const struct patch_row *patch = &a->patches[i];
    const struct segment *segment = kernel_segment_at(kernel, patch->start, patch->length);
    if (segment == NULL) return ERROR_AT(PV_OTHER_KERNEL, patch->start, "a window is not inside the kernel, address");
    const uint8_t *window = segment->file + (patch->start - segment->virtual);
    if (crc32(0, window, patch->length) != patch->window_crc)
      return ERROR_AT(PV_OTHER_KERNEL, patch->start, "a window does not hold the annotated bytes, address");
    for (uint32_t j = 0; j < patch->item_count; j++) {
      const struct item_row *item = &a->items[patch->first_item + j];
      if (item->op == ITEM_SITE && window[item->offset] != a->sites[item->target].first_byte)
        return ERROR_AT(PV_OTHER_KERNEL, patch->start + item->offset, "a site does not start with the annotated byte, address");
    }
  }
  return verify_module_hook(a, kernel);
}
