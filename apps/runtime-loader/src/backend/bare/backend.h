/*
 * The `bare` back end: the guest kernel stays in ring 0 and every operation is the original instruction.
 *
 * A back end is a header of this name on the include path, chosen by the Makefile's BACKEND. It holds mechanism only;
 * what an instruction means to the guest is the front end's business (src/resident).
 */
#ifndef BACKEND_H
#define BACKEND_H

#include <stdint.h>

static inline uint8_t backend_in8(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "d"(port));
  return value;
}

static inline uint16_t backend_in16(uint16_t port) {
  uint16_t value;
  __asm__ volatile("inw %1, %0" : "=a"(value) : "d"(port));
  return value;
}

static inline uint32_t backend_in32(uint16_t port) {
  uint32_t value;
  __asm__ volatile("inl %1, %0" : "=a"(value) : "d"(port));
  return value;
}

static inline void backend_out8(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" : : "a"(value), "d"(port) : "memory");
}

static inline void backend_out16(uint16_t port, uint16_t value) {
  __asm__ volatile("outw %0, %1" : : "a"(value), "d"(port) : "memory");
}

static inline void backend_out32(uint16_t port, uint32_t value) {
  __asm__ volatile("outl %0, %1" : : "a"(value), "d"(port) : "memory");
}

static inline uint64_t backend_rdmsr(uint32_t index) {
  uint64_t value;
  __asm__ volatile("rdmsr" : "=A"(value) : "c"(index));
  return value;
}

static inline void backend_wrmsr(uint32_t index, uint32_t low, uint32_t high) {
  __asm__ volatile("wrmsr" : : "a"(low), "d"(high), "c"(index) : "memory");
}

static inline uint64_t backend_rdtsc(void) {
  uint64_t value;
  __asm__ volatile("rdtsc" : "=A"(value));
  return value;
}

static inline void backend_cpuid(uint32_t *eax, uint32_t *ebx, uint32_t *ecx, uint32_t *edx) {
  __asm__ volatile("cpuid" : "+a"(*eax), "=b"(*ebx), "+c"(*ecx), "=d"(*edx));
}

static inline uint32_t backend_read_cr0(void) {
  uint32_t value;
  __asm__ volatile("mov %%cr0, %0" : "=r"(value));
  return value;
}

static inline uint32_t backend_read_cr2(void) {
  uint32_t value;
  __asm__ volatile("mov %%cr2, %0" : "=r"(value));
  return value;
}

static inline uint32_t backend_read_cr3(void) {
  uint32_t value;
  __asm__ volatile("mov %%cr3, %0" : "=r"(value));
  return value;
}

static inline uint32_t backend_read_cr4(void) {
  uint32_t value;
  __asm__ volatile("mov %%cr4, %0" : "=r"(value));
  return value;
}

static inline void backend_write_cr0(uint32_t value) {
  __asm__ volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

static inline void backend_write_cr2(uint32_t value) {
  __asm__ volatile("mov %0, %%cr2" : : "r"(value) : "memory");
}

static inline void backend_write_cr3(uint32_t value) {
  __asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static inline void backend_write_cr4(uint32_t value) {
  __asm__ volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

#endif
