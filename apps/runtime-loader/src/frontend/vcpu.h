/*
 * The virtual processor: what the guest believes to be its processor's state.
 *
 * General registers, EIP, ESP and EFLAGS are where the back end found them when the guest stopped (`regs`). The guest's
 * kernel and its user programs both run in ring 3; which of the two it is says `cpl`. Selectors of CS and SS are held as
 * the processor has them (RPL 3); `virtual_selector` gives what the guest is told.
 */
#ifndef VCPU_H
#define VCPU_H

#include <stdbool.h>
#include <stdint.h>

/* In the order in which the back end's entry pushes them, last first. */
struct registers {
  uint32_t es, ds;
  uint32_t edi, esi, ebp, unused_esp, ebx, edx, ecx, eax;
  uint32_t vector, error;
  uint32_t eip, cs, eflags, esp, ss;
};

enum { FLAG_CF = 1, FLAG_ZF = 0x40, FLAG_TF = 0x100, FLAG_IF = 0x200, FLAG_DF = 0x400, FLAG_IOPL = 0x3000, FLAG_NT = 0x4000,
       FLAG_RF = 0x10000, FLAG_VM = 0x20000, FLAG_AC = 0x40000, FLAG_VIF = 0x80000, FLAG_VIP = 0x100000, FLAG_ID = 0x200000 };
/* What code in ring 3 changes by itself, so that the real flags hold it: all but IF, IOPL, VM, VIF and VIP. */
#define FLAGS_OWN 0x00254dd5u
#define FLAGS_ALWAYS 2u

enum { CR0_PE = 1, CR0_MP = 2, CR0_EM = 4, CR0_TS = 8, CR0_ET = 0x10, CR0_NE = 0x20, CR0_WP = 0x10000, CR0_AM = 0x40000 };
#define CR0_PG 0x80000000u
enum { CR4_TSD = 4, CR4_DE = 8, CR4_PSE = 0x10, CR4_PAE = 0x20, CR4_PGE = 0x80, CR4_OSFXSR = 0x200, CR4_OSXMMEXCPT = 0x400 };

enum { VECTOR_DE = 0, VECTOR_DB = 1, VECTOR_NMI = 2, VECTOR_BP = 3, VECTOR_OF = 4, VECTOR_UD = 6, VECTOR_NM = 7, VECTOR_DF = 8, VECTOR_TS = 10,
       VECTOR_NP = 11, VECTOR_SS = 12, VECTOR_GP = 13, VECTOR_PF = 14, VECTOR_MF = 16, VECTOR_AC = 17, VECTOR_MC = 18, VECTOR_XM = 19 };

struct table_register {
  uint32_t base, limit;
};

/* LDTR and TR: the selector and the descriptor as it was when it was loaded. */
struct system_segment {
  uint32_t selector, base, limit;
};

struct vcpu {
  struct registers regs;
  uint32_t cpl;                 /* 0 or 3: no kernel here uses the rings between */
  uint32_t iopl;                /* in EFLAGS position */
  uint32_t cr0, cr2, cr3, cr4;
  uint32_t fault_address;       /* of the last page fault in the processor, by the back end */
  uint64_t pdpte[4];            /* the processor's copies, loaded with CR3 */
  struct table_register gdtr, idtr;
  struct system_segment ldtr, tr;
  uint32_t sysenter_cs, sysenter_esp, sysenter_eip;
  uint32_t misc_enable;
  uint32_t dr[8];
};

extern struct vcpu vcpu;

static inline bool paging(void) {
  return vcpu.cr0 & CR0_PG;
}

/* A selector of CS or SS as the guest's own processor would have it. */
static inline uint32_t virtual_selector(uint32_t selector) {
  return (selector & 0xfffc) | vcpu.cpl;
}

/* Interrupts are off. `in_memory`: the guest's kernel was patched to keep the flag in the shared words. */
void flags_start(bool in_memory);
/* Interrupt flag and all flags as the guest sees them. */
bool interrupts_on(void);
void set_interrupts(bool on);
uint32_t guest_flags(void);
/* Loads the flags in `mask` of those that ring 3 may hold; the others, IOPL and IF only if asked for in `mask`. */
void load_flags(uint32_t value, uint32_t mask);

#endif
