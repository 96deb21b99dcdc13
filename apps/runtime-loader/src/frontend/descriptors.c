#include "descriptors.h"

#include "backend.h"
#include "bytes.h"
#include "exceptions.h"
#include "memory.h"

enum { CHUNK = 64 };   /* rows compared at once */
enum { LOCAL = 4 };    /* selector bit: LDT */
#define PRIVILEGE_3 ((uint64_t)3 << 45)
#define ACCESSED ((uint64_t)1 << 40)

/* One table as the guest had it when its copy was made. */
struct copied_table {
  uint32_t rows;
  uint64_t guest[DESCRIPTOR_COUNT];
};
static struct copied_table copies[2];   /* GDT, LDT */

static struct table_register place_of(bool local) {
  if (!local) return vcpu.gdtr;
  return (struct table_register){vcpu.ldtr.base, vcpu.ldtr.selector & 0xfffc ? vcpu.ldtr.limit : 0};
}

static uint32_t rows_of(bool local) {
  struct table_register place = place_of(local);
  uint32_t rows = (place.limit + 1) / 8;
  if (local && place.limit == 0) return 0;
  return rows < DESCRIPTOR_COUNT ? rows : DESCRIPTOR_COUNT;
}

bool descriptor_read(uint32_t selector, uint64_t *descriptor) {
  bool local = selector & LOCAL;
  uint32_t index = selector >> 3 & 0x1fff;
  if ((selector & 0xfffc) == 0 || index >= rows_of(local)) return false;
  return guest_read(place_of(local).base + index * 8, descriptor, 8, 0);
}

/* What the processor gets for the guest's descriptor: nothing for system segments, which are used by emulation only. */
static uint64_t copy_for(bool user, uint64_t guest) {
  if (!descriptor_is_segment(guest)) return 0;
  if (user && descriptor_dpl(guest) != 3 && !descriptor_is_conforming(guest)) return 0;
  return guest | PRIVILEGE_3 | ACCESSED;
}

uint32_t segment_selector(enum segment_register segment) {
  switch (segment) {
    case SEGMENT_ES: return vcpu.regs.es & 0xffff;
    case SEGMENT_CS: return virtual_selector(vcpu.regs.cs);
    case SEGMENT_SS: return virtual_selector(vcpu.regs.ss);
    case SEGMENT_DS: return vcpu.regs.ds & 0xffff;
    default: return backend_segment(segment);
  }
}

/*
 * Would the processor lose a loaded segment if its row became `row`? It reloads segments on the way back to the guest, which
 * a processor that runs the guest itself would not do: a row in use stays until it is in use no more.
 */
static bool needed_as_is(bool local, uint32_t index, uint64_t row) {
  for (enum segment_register segment = 0; segment < SEGMENT_COUNT; segment++) {
    uint32_t selector = segment_selector(segment);
    if (selector >> 3 != index || (selector & LOCAL) != (local ? LOCAL : 0u) || (selector & 0xfffc) == 0) continue;
    bool usable = segment == SEGMENT_CS   ? descriptor_is_code(row)
                  : segment == SEGMENT_SS ? descriptor_is_writable_data(row)
                                          : descriptor_is_readable(row);
    if (!usable || !descriptor_present(row)) return true;
  }
  return false;
}

/* Rows of selectors in use, which are asked for in each trap. Zeros say that null selectors have none, which is right. */
static struct known_row {
  uint32_t key;   /* selector and privilege level */
  uint32_t base;
  uint64_t row;
} known[8];

static bool follow_row(bool local, uint32_t index, uint64_t guest) {
  struct copied_table *copy = &copies[local];
  if (copy->guest[index] == guest && index < copy->rows) return false;
  if (needed_as_is(local, index, copy_for(false, guest))) return false;
  copy->guest[index] = guest;
  memset(known, 0, sizeof known);
  backend_descriptor_set(false, local, index, copy_for(false, guest));
  backend_descriptor_set(true, local, index, copy_for(true, guest));
  return true;
}

/* Is a chunk of the guest's table, on one page, what it was? */
static bool unchanged(uint32_t address, const uint64_t *known_rows, uint32_t size) {
  if ((address & 4095) + size > 4096) return false;
  const uint8_t *rows = guest_view(address, 0);
  return rows != NULL && memcmp(rows, known_rows, size) == 0;
}

static bool follow_table(bool local) {
  static uint64_t chunk[CHUNK];
  struct copied_table *copy = &copies[local];
  uint32_t rows = rows_of(local), base = place_of(local).base;
  bool changed = false;
  for (uint32_t first = 0; first < rows; first += CHUNK) {
    uint32_t count = rows - first < CHUNK ? rows - first : CHUNK;
    if (first + count <= copy->rows && unchanged(base + first * 8, &copy->guest[first], count * 8)) continue;
    if (!guest_read(base + first * 8, chunk, count * 8, 0)) memset(chunk, 0, sizeof chunk);
    for (uint32_t i = 0; i < count; i++)
      if (first + i > 0 || local) changed |= follow_row(local, first + i, chunk[i]);
  }
  /* Rows that are still in use are asked again the next time. */
  uint32_t kept = rows;
  for (uint32_t index = rows; index < copy->rows; index++) {
    changed |= follow_row(local, index, 0);
    if (copy->guest[index] != 0) kept = index + 1;
  }
  copy->rows = kept;
  return changed;
}

bool descriptors_follow(void) {
  bool changed = follow_table(false);
  changed |= follow_table(true);
  if (!changed) return false;
  /* FS and GS stay in the processor: give them what their rows say now. */
  backend_segment_load(SEGMENT_FS, backend_segment(SEGMENT_FS));
  backend_segment_load(SEGMENT_GS, backend_segment(SEGMENT_GS));
  return true;
}

/* A row as the processor has it. */
static uint64_t row_of(bool user, uint32_t selector) {
  uint32_t index = selector >> 3 & 0x1fff;
  if ((selector & 0xfffc) == 0 || index >= DESCRIPTOR_COUNT) return 0;
  return copy_for(user, copies[selector & LOCAL ? 1 : 0].guest[index]);
}

static __attribute__((noinline)) void learn_row(struct known_row *place, uint32_t selector) {
  uint64_t row = row_of(vcpu.cpl == 3, selector);
  *place = (struct known_row){(selector & 0xfffc) | vcpu.cpl, descriptor_base(row), row};
}

static const struct known_row *known_row(uint32_t selector) {
  struct known_row *place = &known[selector >> 3 & 7];
  if (place->key != ((selector & 0xfffc) | vcpu.cpl)) learn_row(place, selector);
  return place;
}

static bool runnable(void) {
  uint64_t code = known_row(vcpu.regs.cs)->row, stack = known_row(vcpu.regs.ss)->row;
  return descriptor_is_code(code) && descriptor_present(code) && descriptor_is_writable_data(stack) && descriptor_present(stack);
}

uint32_t segment_base(uint32_t selector) {
  return known_row(selector)->base;
}

bool stack_is_32_bit(void) {
  return descriptor_is_32_bit(known_row(vcpu.regs.ss)->row);
}

bool segments_runnable(void) {
  /* The guest's tables were asked when they were loaded; the copies may not have followed yet. */
  if (runnable() || (descriptors_follow() && runnable())) return true;
  uint64_t code = row_of(vcpu.cpl == 3, vcpu.regs.cs);
  if (!descriptor_is_code(code) || !descriptor_present(code)) return exception_raise(VECTOR_GP, vcpu.regs.cs & 0xfffc);
  return exception_raise(VECTOR_SS, vcpu.regs.ss & 0xfffc);
}

static bool put(enum segment_register segment, uint32_t selector) {
  switch (segment) {
    case SEGMENT_ES: vcpu.regs.es = selector; return true;
    case SEGMENT_DS: vcpu.regs.ds = selector; return true;
    case SEGMENT_SS: vcpu.regs.ss = selector | 3; return true;
    case SEGMENT_FS: case SEGMENT_GS: return backend_segment_load(segment, selector);
    default: return false;
  }
}

bool segment_load(enum segment_register segment, uint32_t selector) {
  uint32_t error = selector & 0xfffc;
  if (error == 0) {
    if (segment == SEGMENT_SS || segment == SEGMENT_CS) return exception_raise(VECTOR_GP, 0);
    return put(segment, selector);
  }
  descriptors_follow();
  uint64_t guest;
  if (!descriptor_read(selector, &guest) || row_of(vcpu.cpl == 3, selector) == 0) return exception_raise(VECTOR_GP, error);
  if (segment == SEGMENT_SS) {
    bool right = descriptor_is_writable_data(guest) && (selector & 3) == vcpu.cpl && descriptor_dpl(guest) == vcpu.cpl;
    if (!right) return exception_raise(VECTOR_GP, error);
    if (!descriptor_present(guest)) return exception_raise(VECTOR_SS, error);
    return put(segment, selector);
  }
  uint32_t needed = vcpu.cpl > (selector & 3) ? vcpu.cpl : selector & 3;
  if (!descriptor_is_readable(guest) || (descriptor_dpl(guest) < needed && !descriptor_is_conforming(guest)))
    return exception_raise(VECTOR_GP, error);
  if (!descriptor_present(guest)) return exception_raise(VECTOR_NP, error);
  return put(segment, selector) || exception_raise(VECTOR_GP, error);
}

void segments_leave_kernel(void) {
  static const enum segment_register data[] = {SEGMENT_ES, SEGMENT_DS, SEGMENT_FS, SEGMENT_GS};
  for (uint32_t i = 0; i < 4; i++) {
    uint32_t selector = segment_selector(data[i]);
    if ((selector & 0xfffc) != 0 && row_of(true, selector) == 0) put(data[i], 0);
  }
}
