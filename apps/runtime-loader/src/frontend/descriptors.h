/*
 * Descriptor tables. The processor uses copies of the guest's GDT and LDT, in which every segment has privilege level 3: one
 * copy for the kernel, and one for user programs without what only the kernel may use.
 *
 * The guest writes its tables without a trap; the copies follow on lgdt and lldt, on every way to a user program, and when a
 * segment load fails.
 */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

enum segment_register { SEGMENT_ES, SEGMENT_CS, SEGMENT_SS, SEGMENT_DS, SEGMENT_FS, SEGMENT_GS, SEGMENT_COUNT };

/* Fields of a descriptor (SDM Vol. 3A, 3.4.5). */
static inline uint32_t descriptor_base(uint64_t d) {
  return ((uint32_t)(d >> 16) & 0xffffff) | ((uint32_t)(d >> 56) << 24);
}
static inline uint32_t descriptor_limit(uint64_t d) {
  uint32_t limit = ((uint32_t)d & 0xffff) | ((uint32_t)(d >> 32) & 0xf0000);
  return d >> 55 & 1 ? limit << 12 | 0xfff : limit;
}
static inline uint32_t descriptor_dpl(uint64_t d) {
  return (uint32_t)(d >> 45) & 3;
}
static inline bool descriptor_present(uint64_t d) {
  return d >> 47 & 1;
}
static inline bool descriptor_is_segment(uint64_t d) {
  return d >> 44 & 1;
}
static inline bool descriptor_is_code(uint64_t d) {
  return (d >> 43 & 3) == 3;
}
static inline bool descriptor_is_conforming(uint64_t d) {
  return descriptor_is_code(d) && (d >> 42 & 1);
}
static inline bool descriptor_is_writable_data(uint64_t d) {
  return (d >> 43 & 3) == 2 && (d >> 41 & 1);
}
static inline bool descriptor_is_readable(uint64_t d) {
  return descriptor_is_segment(d) && (!descriptor_is_code(d) || (d >> 41 & 1));
}
static inline bool descriptor_is_32_bit(uint64_t d) {
  return d >> 54 & 1;
}
static inline uint32_t descriptor_type(uint64_t d) {
  return (uint32_t)(d >> 40) & 15;
}
enum { TYPE_LDT = 2, TYPE_TASK_AVAILABLE = 9, TYPE_TASK_BUSY = 11 };

enum { DESCRIPTOR_COUNT = 8176 };   /* rows of a table that a guest may use; those behind are the back end's */

/* The guest's own descriptor, read from its memory. False: the selector is null, beyond the limit, or its memory is not there. */
bool descriptor_read(uint32_t selector, uint64_t *descriptor);

/* Brings the copies up to date, also when another table was loaded; true: something changed. */
bool descriptors_follow(void);

/* Base of the segment that a selector names, as the processor has it. */
uint32_t segment_base(uint32_t selector);
bool stack_is_32_bit(void);

/* Can the guest go on with the CS and SS that it has? If not, `exception_raise` was called. */
bool segments_runnable(void);
uint32_t segment_selector(enum segment_register segment);
/* Loads ES, SS, DS, FS or GS as an instruction of the guest would; false: `exception_raise` was called. */
bool segment_load(enum segment_register segment, uint32_t selector);
/* On the way to a user program: what only the kernel may use becomes null (SDM Vol. 2A, IRET). */
void segments_leave_kernel(void);

#endif
