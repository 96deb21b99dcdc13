#include "control.h"

#include "backend.h"
#include "exceptions.h"
#include "memory.h"
#include "resident.h"
#include "shadow.h"

/* What CPUID offers, and no more. */
#define CR4_ALLOWED (CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT)
#define CR0_FPU (CR0_MP | CR0_EM | CR0_TS)
#define PDPTE_RESERVED 0x1e6u

/* Loads the processor's copies of the four entries; a reserved bit makes a general protection fault. */
static bool load_directory_pointers(uint32_t cr3) {
  uint64_t entries[4];
  for (uint32_t i = 0; i < 4; i++) {
    uint32_t at = (cr3 & ~31u) + i * 8;
    entries[i] = physical_read(at) | (uint64_t)physical_read(at + 4) << 32;
    if (entries[i] & 1 && entries[i] & PDPTE_RESERVED) return exception_raise(VECTOR_GP, 0);
  }
  for (uint32_t i = 0; i < 4; i++) vcpu.pdpte[i] = entries[i];
  return true;
}

static bool write_cr0(uint32_t value) {
  value |= CR0_ET;
  if ((value & CR0_PG && !(value & CR0_PE)) || !(value & CR0_PE)) return exception_raise(VECTOR_GP, 0);
  uint32_t changed = vcpu.cr0 ^ value;
  if (changed & value & CR0_PG && vcpu.cr4 & CR4_PAE && !load_directory_pointers(vcpu.cr3)) return false;
  vcpu.cr0 = value;
  if (changed & CR0_FPU) backend_fpu_control(vcpu.cr0, vcpu.cr4);
  if (changed & (CR0_PG | CR0_WP)) shadow_reset();
  return true;
}

static bool write_cr4(uint32_t value) {
  if (value & ~(uint32_t)CR4_ALLOWED) return exception_raise(VECTOR_GP, 0);
  uint32_t changed = vcpu.cr4 ^ value;
  if (changed & value & CR4_PAE && paging() && !load_directory_pointers(vcpu.cr3)) return false;
  vcpu.cr4 = value;
  backend_fpu_control(vcpu.cr0, vcpu.cr4);
  if (changed & (CR4_PAE | CR4_PSE)) shadow_reset();
  else if (changed & CR4_PGE) shadow_root_changed();
  return true;
}

static bool write_cr3(uint32_t value) {
  if (vcpu.cr4 & CR4_PAE && paging() && !load_directory_pointers(value)) return false;
  vcpu.cr3 = value;
  if (paging()) shadow_root_changed();
  return true;
}

static bool write(uint32_t number, uint32_t value) {
  switch (number) {
    case 0: return write_cr0(value);
    case 2: vcpu.cr2 = value; return true;
    case 3: return write_cr3(value);
    case 4: return write_cr4(value);
    default: return exception_raise(VECTOR_UD, 0);
  }
}

bool control_write(uint32_t number, uint32_t value) {
  bool right = write(number, value);
  resident_publish_control();
  return right;
}

bool control_read(uint32_t number, uint32_t *value) {
  switch (number) {
    case 0: *value = vcpu.cr0; return true;
    case 2: *value = vcpu.cr2; return true;
    case 3: *value = vcpu.cr3; return true;
    case 4: *value = vcpu.cr4; return true;
    default: return exception_raise(VECTOR_UD, 0);
  }
}

uint64_t processor_tsc(void) {
  uint64_t value;
  __asm__ volatile("rdtsc" : "=A"(value));
  return value;
}

enum { MSR_TSC = 0x10, MSR_PLATFORM_ID = 0x17, MSR_MICROCODE = 0x8b, MSR_SYSENTER_CS = 0x174, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
       MSR_MISC_ENABLE = 0x1a0 };

bool msr_read(uint32_t index, uint64_t *value) {
  switch (index) {
    case MSR_TSC: *value = processor_tsc(); return true;
    case MSR_PLATFORM_ID:
    case MSR_MICROCODE: *value = 0; return true;
    case MSR_SYSENTER_CS: *value = vcpu.sysenter_cs; return true;
    case MSR_SYSENTER_ESP: *value = vcpu.sysenter_esp; return true;
    case MSR_SYSENTER_EIP: *value = vcpu.sysenter_eip; return true;
    case MSR_MISC_ENABLE: *value = vcpu.misc_enable; return true;
    default: return exception_raise(VECTOR_GP, 0);
  }
}

bool msr_write(uint32_t index, uint64_t value) {
  switch (index) {
    case MSR_TSC:         /* time cannot be set here */
    case MSR_MICROCODE: return true;
    case MSR_SYSENTER_CS: vcpu.sysenter_cs = (uint32_t)value; return true;
    case MSR_SYSENTER_ESP: vcpu.sysenter_esp = (uint32_t)value; return true;
    case MSR_SYSENTER_EIP: vcpu.sysenter_eip = (uint32_t)value; return true;
    case MSR_MISC_ENABLE: vcpu.misc_enable = (uint32_t)value; return true;
    default: return exception_raise(VECTOR_GP, 0);
  }
}

/* CPUID bits that are passed on (SDM Vol. 2A, CPUID): what ring 3 can use by itself and what is emulated here. */
enum {
  /* FPU, DE, PSE, TSC, MSR, PAE, CX8, SEP, PGE, CMOV, CLFSH, MMX, FXSR, SSE, SSE2, SS */
  LEAF_1_EDX = 0x1 | 0x4 | 0x8 | 0x10 | 0x20 | 0x40 | 0x100 | 0x800 | 0x2000 | 0x8000 | 0x80000 | 0x800000 | 0x1000000 | 0x2000000 | 0x4000000 | 0x8000000,
  /* SSE3, PCLMULQDQ, SSSE3, CX16, SSE4.1, SSE4.2, MOVBE, POPCNT, AES, RDRAND */
  LEAF_1_ECX = 0x1 | 0x2 | 0x200 | 0x2000 | 0x80000 | 0x100000 | 0x400000 | 0x800000 | 0x2000000 | 0x40000000,
  /* BMI1, BMI2, ERMS, RDSEED, ADX, CLFLUSHOPT, SHA */
  LEAF_7_EBX = 0x8 | 0x100 | 0x200 | 0x40000 | 0x80000 | 0x800000 | 0x20000000,
  /* LAHF, LZCNT, SSE4A, misaligned SSE, PREFETCHW */
  LEAF_80000001_ECX = 0x1 | 0x20 | 0x40 | 0x80 | 0x100,
  /* MMX extensions, 3DNow! extensions, 3DNow! */
  LEAF_80000001_EDX = (int)(0x400000u | 0x40000000u | 0x80000000u),
  APIC_ID_AND_COUNT = (int)0xffff0000u,
};

void cpuid_read(uint32_t *eax, uint32_t *ebx, uint32_t *ecx, uint32_t *edx) {
  uint32_t leaf = *eax, subleaf = *ecx;
  backend_cpuid(eax, ebx, ecx, edx);
  switch (leaf) {
    case 0: case 2: case 0x80000000: case 0x80000002: case 0x80000003: case 0x80000004: case 0x80000005: case 0x80000006: break;
    case 1:
      *ebx &= ~(uint32_t)APIC_ID_AND_COUNT;
      *ecx &= LEAF_1_ECX;
      *edx &= LEAF_1_EDX;
      break;
    case 4: *eax &= 0x3ff; break;   /* caches, of one processor */
    case 7:
      *eax = *ecx = *edx = 0;
      *ebx = subleaf == 0 ? *ebx & LEAF_7_EBX : 0;
      break;
    case 0x80000001:
      *ecx &= LEAF_80000001_ECX;
      *edx &= LEAF_80000001_EDX | LEAF_1_EDX;
      *edx &= ~(uint32_t)0x800;   /* SYSCALL, where leaf 1 has SYSENTER */
      break;
    case 0x80000008: *ebx = *ecx = *edx = 0; *eax = 32 | 32 << 8; break;
    default: *eax = *ebx = *ecx = *edx = 0;
  }
}
