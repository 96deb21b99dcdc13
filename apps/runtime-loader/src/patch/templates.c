/*
 * Checks a template table and picks templates. After the check holds: every group's variants exist, every template
 * lies inside the code bytes, every hole inside its template and on one side of the insertion, and every routine and
 * counter that a hole asks for exists.
 */
#include "templates.h"

#include "crc32.h"

/* The location words of a site: bit r of `parts` is L of register r, bit 16 + r its H; bit r of `rest` its U, and bits
   16 to 22 of `rest` are CF PF AF ZF SF OF DF. */
enum { HIGH_SHIFT = 16, FLAG_SHIFT = 16, FLAG_COUNT = 7, ARITHMETIC_FLAGS = 0x3f };
static const uint8_t eflags_bit[FLAG_COUNT] = {0, 2, 4, 6, 7, 11, 10};

enum { ESP = 4, EBP = 5, REGISTER_COUNT = 8 };

/* Far above what any profile needs. */
enum { VARIANT_BITS_MAX = 8, GROUPS_MAX = 4096, TEMPLATES_MAX = 1 << 20 /* bytes */ };

/* Bits of a group's variant number. */
static uint32_t variant_bits(const struct group_row *group) {
  uint32_t bits = (group->clobbers_flags != 0) + (group->knows != 0);
  for (uint32_t r = 0; r < REGISTER_COUNT; r++) bits += (group->clobbers >> r) & 1;
  return bits;
}

static uint32_t group_key(const struct group_row *group) {
  return (uint32_t)group->kind << 16 | group->form;
}

static struct error check_group(const struct templates *t, uint32_t index, uint32_t counter_count) {
  const struct group_row *group = &t->groups[index];
  if (group->clobbers >> REGISTER_COUNT != 0 || group->clobbers_flags > 1 || group->knows > KNOWS_LEAF || variant_bits(group) > VARIANT_BITS_MAX)
    return ERROR_AT(PV_NO_TEMPLATE, index, "a template group makes no sense, row");
  if (index > 0 && group_key(group) <= group_key(group - 1))
    return ERROR_AT(PV_NO_TEMPLATE, index, "the template groups are not in ascending order, row");
  if (!rows_fit(group->first_template, 1u << variant_bits(group), 1, t->header->template_count))
    return ERROR_AT(PV_NO_TEMPLATE, index, "the templates of a group do not exist, row");
  if (group->kind >= counter_count) return ERROR_AT(PV_NO_TEMPLATE, group->kind, "there is no counter for a group's kind, number");
  return NO_ERROR;
}

/* `free` is where the hole before it ends. */
static struct error check_hole(const struct hole_row *hole, const struct template_row *row, uint32_t free, uint32_t routine_count) {
  bool inside = hole->offset >= free && rows_fit(hole->offset, HOLE_SIZE, 1, row->length);
  bool split = hole->offset < row->insert_at && row->insert_at < hole->offset + HOLE_SIZE;
  if (!inside || split) return ERROR_AT(PV_NO_TEMPLATE, hole->offset, "a hole is not inside its template, offset");
  if (hole->type == HOLE_ROUTINE && hole->argument >= routine_count)
    return ERROR_AT(PV_NO_TEMPLATE, hole->argument, "a template calls a routine that does not exist, number");
  return NO_ERROR;
}

static struct error check_template(const struct templates *t, uint32_t index, uint32_t routine_count) {
  const struct template_row *row = &t->rows[index];
  if (!rows_fit(row->code_offset, row->length, 1, t->header->code_size) ||
      (row->insert_at != NO_INSERTION && row->insert_at > row->length))
    return ERROR_AT(PV_NO_TEMPLATE, index, "the code of a template does not exist, row");
  if (!rows_fit(row->first_hole, row->hole_count, 1, t->header->hole_count))
    return ERROR_AT(PV_NO_TEMPLATE, index, "the holes of a template do not exist, row");
  for (uint32_t i = 0, free = 0; i < row->hole_count; i++) {
    const struct hole_row *hole = &t->holes[row->first_hole + i];
    TRY(check_hole(hole, row, free, routine_count));
    free = hole->offset + HOLE_SIZE;
  }
  return NO_ERROR;
}

/* Printable ASCII up to the first NUL. */
static bool is_name(const char *name, uint32_t size) {
  for (; size > 0 && *name != 0; name++, size--)
    if (*name < ' ' || *name > '~') return false;
  return true;
}

struct error templates_open(struct templates *t, struct span table, uint32_t routine_count, uint32_t counter_count) {
  const struct template_header *header = (const struct template_header *)table.bytes;
  if (table.size < sizeof *header) return ERROR_AT(PV_TRUNCATED, table.size, "the stub templates are truncated, size");
  if (header->magic != TEMPLATE_MAGIC) return ERROR(PV_NO_TEMPLATE, "the loader image holds no stub templates");
  if (header->version != FORMAT_VERSION) return ERROR_AT(PV_VERSION, header->version, "the stub templates have another version");
  uint32_t total = header->total_size;
  if (header->header_size != sizeof *header || total < sizeof *header || total > TEMPLATES_MAX)
    return ERROR_AT(PV_NO_TEMPLATE, total, "the header of the stub templates is damaged, size");
  if (total > table.size) return ERROR_AT(PV_TRUNCATED, total, "the stub templates are truncated, size");
  if (crc32(0, table.bytes + TEMPLATE_CRC_FROM, total - TEMPLATE_CRC_FROM) != header->table_crc)
    return ERROR(PV_NO_TEMPLATE, "the stub templates do not match their checksum");
  if (header->machine != MACHINE_I386)
    return ERROR_AT(header->machine == MACHINE_AMD64 ? PV_ARCHITECTURE : PV_NO_TEMPLATE, header->machine, "the stub templates are not for i386, ELF machine");
  if (header->flags & ~(uint32_t)TEMPLATES_UNSTEPPED) return ERROR_AT(PV_NO_TEMPLATE, header->flags, "the stub templates have unknown flags");
  if (header->group_offset < sizeof *header || header->template_offset < sizeof *header ||
      header->hole_offset < sizeof *header || header->code_offset < sizeof *header || header->group_count > GROUPS_MAX ||
      !rows_fit(header->group_offset, header->group_count, sizeof(struct group_row), total) ||
      !rows_fit(header->template_offset, header->template_count, sizeof(struct template_row), total) ||
      !rows_fit(header->hole_offset, header->hole_count, sizeof(struct hole_row), total) ||
      !rows_fit(header->code_offset, header->code_size, 1, total))
    return ERROR(PV_NO_TEMPLATE, "rows of the stub templates are not inside the table");
  if (!is_name(header->profile, sizeof header->profile)) return ERROR(PV_NO_TEMPLATE, "the profile's name is not ASCII");
  if (!rows_fit(header->first_poison, POISON_COUNT, 1, header->template_count))
    return ERROR_AT(PV_NO_TEMPLATE, header->first_poison, "the poison templates do not exist, row");
  *t = (struct templates){
    .header = header,
    .groups = (const struct group_row *)(table.bytes + header->group_offset),
    .rows = (const struct template_row *)(table.bytes + header->template_offset),
    .holes = (const struct hole_row *)(table.bytes + header->hole_offset),
    .code = table.bytes + header->code_offset,
  };
  for (uint32_t i = 0; i < header->hole_count; i++)
    if (t->holes[i].type < HOLE_ROUTINE || t->holes[i].type > HOLE_DEAD_GARBAGE)
      return ERROR_AT(PV_NO_TEMPLATE, i, "a hole has an unknown type, row");
  for (uint32_t i = 0; i < header->template_count; i++) TRY(check_template(t, i, routine_count));
  for (uint32_t i = 0; i < header->group_count; i++) TRY(check_group(t, i, counter_count));
  return NO_ERROR;
}

static const struct group_row *find_group(const struct templates *t, uint16_t kind, uint16_t form) {
  uint32_t key = (uint32_t)kind << 16 | form, low = 0, high = t->header->group_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (group_key(&t->groups[middle]) < key) low = middle + 1;
    else high = middle;
  }
  return low < t->header->group_count && group_key(&t->groups[low]) == key ? &t->groups[low] : NULL;
}

const struct template_row *templates_select(const struct templates *t, const struct site_row *site) {
  const struct group_row *group = find_group(t, site->kind, site->form);
  if (group == NULL) group = find_group(t, site->kind, ANY_FORM);
  if (group == NULL) return NULL;
  uint32_t live = site->live_parts | site->live_parts >> HIGH_SHIFT | site->live_rest;
  uint32_t variant = 0, bit = 0;
  for (uint32_t r = 0; r < REGISTER_COUNT; r++)
    if ((group->clobbers >> r) & 1) variant |= ((live >> r) & 1) << bit++;
  if (group->clobbers_flags) variant |= (uint32_t)(((site->live_rest >> FLAG_SHIFT) & ARITHMETIC_FLAGS) != 0) << bit++;
  if (group->knows) variant |= (uint32_t)(site->knows == group->knows) << bit;
  return &t->rows[group->first_template + variant];
}

struct dead_state dead_behind(const struct site_row *site) {
  struct dead_state dead = {0};
  uint32_t dead_low = ~site->live_parts, dead_high = ~site->live_parts >> HIGH_SHIFT, dead_upper = ~site->live_rest;
  for (uint32_t r = 0; r < REGISTER_COUNT; r++) {
    uint32_t low = (dead_low >> r) & 1, high = (dead_high >> r) & 1, upper = (dead_upper >> r) & 1;
    if (r >= EBP) low = high = low & high;   /* EBP, ESI and EDI have no names for their bytes */
    if (r != ESP) dead.registers[r] = low | high << 1 | upper << 2;
  }
  for (uint32_t f = 0; f < FLAG_COUNT; f++)
    if (!((site->live_rest >> (FLAG_SHIFT + f)) & 1)) dead.flags |= 1u << eflags_bit[f];
  return dead;
}
