/*
 * The patcher: copies templates and fills holes ("copy and patch"). It knows neither instructions nor liveness, and
 * its cost is a copy of a few dozen bytes for each site.
 *
 * Invariant: the reference patcher in TypeScript makes the same bytes from the same input.
 */
#include "patcher.h"

#include "kinds.h"

enum { JUMP_SIZE = 5, SHORT_JUMP_SIZE = 2, STUB_ALIGNMENT = 4, FILLER = 0xcc };
enum { OPCODE_PUSH = 0x68, OPCODE_TWO_BYTE = 0x0f, OPCODE_CONDITIONAL = 0x80 };
#define GARBAGE_FACTOR 0x9e3779b1u   /* 2^32 over the golden ratio: neighbouring addresses get unlike garbage */

static bool put(struct stub_area *area, const void *bytes, uint32_t size) {
  if (size > area->size - area->used) return false;
  memcpy(area->bytes + area->used, bytes, size);
  area->used += size;
  return true;
}

static bool put_opcode(struct stub_area *area, uint8_t opcode) {
  return put(area, &opcode, 1);
}

/* Four bytes that lead from behind themselves to `target`. */
static bool put_displacement(struct stub_area *area, uint32_t target) {
  uint32_t displacement = target - (area->address + area->used + 4);
  return put(area, &displacement, 4);
}

static bool put_jump(struct stub_area *area, uint32_t target) {
  return put_opcode(area, OPCODE_JUMP) && put_displacement(area, target);
}

static bool put_conditional(struct stub_area *area, uint8_t condition, uint32_t target) {
  return put_opcode(area, OPCODE_TWO_BYTE) && put_opcode(area, OPCODE_CONDITIONAL + condition) && put_displacement(area, target);
}

/* A call from the stub must leave the return address that the original would have left. */
static bool put_call(struct stub_area *area, uint32_t return_address, uint32_t target) {
  return put_opcode(area, OPCODE_PUSH) && put(area, &return_address, 4) && put_jump(area, target);
}

static bool align(struct stub_area *area) {
  while (area->used % STUB_ALIGNMENT != 0)
    if (!put_opcode(area, FILLER)) return false;
  return true;
}

/* A site about to be emulated, with what its holes can ask for. */
struct emulated {
  const struct site_row *site;
  const uint8_t *original;   /* its `site->length` bytes */
  struct dead_state dead;
};

static uint32_t hole_value(const struct stub_area *area, const struct hole_row *hole, uint32_t hole_address, const struct emulated *e) {
  switch (hole->type) {
    case HOLE_ROUTINE: return area->routines[hole->argument] - (hole_address + HOLE_SIZE);
    case HOLE_COUNTER: return area->counters + 4 * e->site->kind;
    case HOLE_KNOWN: return e->site->known;
    case HOLE_SITE: return e->site->address;
    case HOLE_NEXT: return e->site->address + e->site->length;
    case HOLE_DEAD_COMPLEMENT: return ~e->dead.flags;
    default: return (e->site->address * GARBAGE_FACTOR) & e->dead.flags;   /* HOLE_DEAD_GARBAGE */
  }
}

static bool put_template(struct stub_area *area, const struct templates *t, const struct template_row *row, const struct emulated *e) {
  const uint8_t *code = t->code + row->code_offset;
  uint32_t start = area->used;
  bool inserts = row->insert_at != NO_INSERTION;
  uint32_t before = inserts ? row->insert_at : row->length, inserted = inserts ? e->site->length : 0;
  if (!put(area, code, before) || !put(area, e->original, inserted) || !put(area, code + before, row->length - before)) return false;
  for (uint32_t i = 0; i < row->hole_count; i++) {
    const struct hole_row *hole = &t->holes[row->first_hole + i];
    uint32_t at = start + hole->offset + (hole->offset >= before ? inserted : 0);
    uint32_t value = hole_value(area, hole, area->address + at, e);
    memcpy(area->bytes + at, &value, HOLE_SIZE);
  }
  return true;
}

static bool put_poison(struct stub_area *area, const struct templates *t, const struct emulated *e) {
  const struct template_row *poison = t->rows + t->header->first_poison;
  for (uint32_t r = 0; r < 8; r++) {
    uint32_t parts = e->dead.registers[r];
    if (parts != 0 && !put_template(area, t, &poison[r * POISON_PER_REGISTER + parts - 1], e)) return false;
  }
  return e->dead.flags == 0 || put_template(area, t, &poison[POISON_FLAGS], e);
}

/* Nothing may come between an sti and the site that its interrupt shadow covers. */
static bool poisonable(const struct site_row *site, const struct item_row *item, bool last) {
  return site->kind != KIND_STI || last || item[1].op != ITEM_SITE;
}

static bool put_item(struct stub_area *area, const struct annotations *a, const struct templates *t, const struct patch_row *patch,
                     const uint8_t *window, const struct item_row *item, bool last) {
  switch (item->op) {
    case ITEM_COPY: return put(area, window + item->offset, item->length);
    case ITEM_JUMP: return put_jump(area, item->target);
    case ITEM_CONDITIONAL: return put_conditional(area, item->condition, item->target);
    case ITEM_CALL: return put_call(area, patch->start + patch->length, item->target);
  }
  const struct site_row *site = &a->sites[item->target];
  const struct emulated emulated = {site, window + item->offset, dead_behind(site)};
  if (!put_template(area, t, templates_select(t, site), &emulated)) return false;
  return !area->poison || !poisonable(site, item, last) || put_poison(area, t, &emulated);
}

static void note_moved(struct stub_area *area, uint32_t original) {
  if (area->moved == NULL || area->moved_count == area->moved_max) return;
  area->moved[area->moved_count++] = (struct moved_instruction){area->address + area->used, original};
}

static bool put_stub(struct stub_area *area, const struct annotations *a, const struct templates *t, const struct patch_row *patch, const uint8_t *window) {
  const struct item_row *items = a->items + patch->first_item;
  uint32_t last = patch->item_count - 1;
  for (uint32_t i = 0; i <= last; i++) {
    note_moved(area, patch->start + items[i].offset);
    if (!put_item(area, a, t, patch, window, &items[i], i == last)) return false;
  }
  bool leaves = items[last].op == ITEM_JUMP || items[last].op == ITEM_CALL;
  return leaves || put_jump(area, patch->start + patch->length);
}

/* Does the profile have a template for every site of a patch? Counts the sites on the way. */
static bool can_emulate(const struct annotations *a, const struct templates *t, const struct patch_row *patch, uint32_t *sites) {
  *sites = 0;
  for (uint32_t i = 0; i < patch->item_count; i++) {
    const struct item_row *item = &a->items[patch->first_item + i];
    if (item->op != ITEM_SITE) continue;
    const struct site_row *site = &a->sites[item->target];
    if (templates_select(t, site) == NULL || (site->flags & SITE_STEPPED && !(t->header->flags & TEMPLATES_UNSTEPPED))) return false;
    ++*sites;
  }
  return true;
}

static void put_far_jump(uint8_t *window, const struct patch_row *patch, uint32_t offset, uint32_t stub) {
  uint32_t displacement = stub - (patch->start + offset + JUMP_SIZE);
  window[offset] = OPCODE_JUMP;
  memcpy(window + offset + 1, &displacement, 4);
}

/* A window becomes a jump, or a short jump to its end, where the jump is; then what lies between stays. */
static void divert(uint8_t *window, const struct patch_row *patch, uint32_t stub) {
  if (patch->tactic == TACTIC_SHORT) {
    uint32_t padding = patch->length - JUMP_SIZE;
    window[0] = OPCODE_SHORT_JUMP;
    window[1] = (uint8_t)(padding - SHORT_JUMP_SIZE);
    put_far_jump(window, patch, padding, stub);
    return;
  }
  put_far_jump(window, patch, 0, stub);
  memset(window + JUMP_SIZE, FILLER, patch->length - JUMP_SIZE);
}

struct error patch_kernel(const struct kernel *kernel, const struct annotations *a, const struct templates *t,
                          struct stub_area *area, struct patch_summary *summary) {
  *summary = (struct patch_summary){0};
  for (uint32_t i = 0; i < a->header->patch_count; i++) {
    const struct patch_row *patch = &a->patches[i];
    const struct segment *segment = kernel_segment_at(kernel, patch->start, patch->length);
    uint8_t *window = segment->loaded + (patch->start - segment->virtual);
    uint32_t sites;
    if (!can_emulate(a, t, patch, &sites)) {
      summary->left_out++;
      continue;
    }
    if (!align(area)) return ERROR_AT(PV_ARENA_FULL, patch->start, "the stub area is full, at window");
    uint32_t stub = area->address + area->used;
    if (!put_stub(area, a, t, patch, window)) return ERROR_AT(PV_ARENA_FULL, patch->start, "the stub area is full, at window");
    divert(window, patch, stub);
    summary->applied++;
    summary->sites += sites;
  }
  return NO_ERROR;
}
