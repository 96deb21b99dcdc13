/* Descriptor tables, the way into the guest and out, and what is left of the processor's registers. */
#include "../../frontend/backend.h"
#include "../../frontend/report.h"
#include "bytes.h"
#include "layout.h"
#include "monitor.h"

enum { GDT_ROWS = 8192, USER = 1 };
enum { GATE_RING_0 = 0x8e, GATE_RING_3 = 0xee };
#define FLAT_CODE 0x00cf9b000000ffffull
#define FLAT_DATA 0x00cf93000000ffffull
/*
 * What stands in rows that are nobody's: code of ring 0 that cannot be read. All that ring 3 can try with it is a general
 * protection fault on every processor, while emulators do not think of all that can be tried with system segments.
 */
#define NOBODYS 0x00409800000000ffull
#define CR0_OURS 0x80010031u   /* PG, WP, NE, ET, PE */

_Static_assert(sizeof(struct vcpu) <= VCPU_ROOM, "struct vcpu outgrew its room");
_Static_assert(DESCRIPTOR_COUNT * 8 == MONITOR_CODE, "the monitor's selectors start behind the guest's");

static uint64_t gdt[2][GDT_ROWS] __attribute__((aligned(8)));
static uint64_t ldt[2][DESCRIPTOR_COUNT] __attribute__((aligned(8)));
static uint64_t idt[256] __attribute__((aligned(8)));
static uint32_t task[26];
static uint32_t current_view = 2;   /* neither */

extern const uint8_t interrupt_entries[];
void enter_guest(void);
void wait_for_interrupt(void);
extern const uint8_t return_es[], return_ds[], return_iret[], return_failed[], load_fs_fault[], load_gs_fault[];
uint32_t load_fs(uint32_t selector);
uint32_t load_gs(uint32_t selector);

static uint64_t system_descriptor(const void *base, uint32_t limit, uint32_t type) {
  uint64_t address = (uint32_t)base;
  return limit | (address & 0xffffff) << 16 | (uint64_t)(0x80 | type) << 40 | (address >> 24) << 56;
}

static void load_gdt(const void *table) {
  struct {
    uint16_t limit;
    const void *base;
  } __attribute__((packed)) pointer = {sizeof gdt[0] - 1, table};
  __asm__ volatile("lgdt %0" : : "m"(pointer));
}

static void put_gate(uint32_t vector, uint32_t rights) {
  uint32_t entry = (uint32_t)interrupt_entries + vector * 16;
  idt[vector] = (entry & 0xffff) | (uint64_t)MONITOR_CODE << 16 | (uint64_t)rights << 40 | (uint64_t)(entry >> 16) << 48;
}

void processor_start(void) {
  for (uint32_t view = 0; view < 2; view++) {
    for (uint32_t row = 1; row < GDT_ROWS; row++) gdt[view][row] = NOBODYS;
    for (uint32_t row = 0; row < DESCRIPTOR_COUNT; row++) ldt[view][row] = NOBODYS;
    gdt[view][MONITOR_CODE / 8] = FLAT_CODE;
    gdt[view][MONITOR_DATA / 8] = FLAT_DATA;
    gdt[view][MONITOR_TASK / 8] = system_descriptor(task, sizeof task - 1, 9);
  }
  load_gdt(gdt[0]);
  __asm__ volatile("ljmp %0, $1f\n1:" : : "i"(MONITOR_CODE));
  __asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%ss" : : "r"(MONITOR_DATA));
  __asm__ volatile("mov %0, %%fs; mov %0, %%gs" : : "r"(0));
  for (uint32_t vector = 0; vector < 256; vector++) put_gate(vector, GATE_RING_0);
  /* Software interrupts that are frequent; the others arrive as general protection faults. */
  put_gate(VECTOR_BP, GATE_RING_3);
  put_gate(VECTOR_OF, GATE_RING_3);
  put_gate(0x80, GATE_RING_3);
  struct {
    uint16_t limit;
    const void *base;
  } __attribute__((packed)) pointer = {sizeof idt - 1, idt};
  __asm__ volatile("lidt %0" : : "m"(pointer));
  task[1] = (uint32_t)&vcpu + sizeof vcpu.regs;   /* ESP0: the guest's registers are pushed into their places */
  task[2] = MONITOR_DATA;
  task[25] = sizeof task << 16;                   /* no I/O bit map */
  __asm__ volatile("ltr %w0" : : "r"(MONITOR_TASK));
  /* Its row has done its duty. */
  gdt[0][MONITOR_TASK / 8] = gdt[1][MONITOR_TASK / 8] = NOBODYS;
  /* SYSENTER stays without a target: it faults, and that is how it gets here. */
  __asm__ volatile("wrmsr" : : "c"(0x174), "a"(0), "d"(0));
}

/* ---- descriptors ---- */

void backend_descriptor_set(bool user, bool local, uint32_t index, uint64_t descriptor) {
  (local ? ldt[user] : gdt[user])[index] = descriptor != 0 ? descriptor : NOBODYS;
}

/* There always is an LDT, though its rows may be nobody's: v86 looks for the rows of an absent one at linear address 0. */
void backend_descriptors_use(bool user) {
  if (current_view == user) return;
  current_view = user;
  load_gdt(gdt[user]);
  volatile uint64_t *row = &gdt[user][MONITOR_LDT / 8];
  *row = system_descriptor(ldt[user], sizeof ldt[user] - 1, 2);
  __asm__ volatile("lldt %w0" : : "r"(MONITOR_LDT) : "memory");
  *row = NOBODYS;
}

uint32_t backend_segment(enum segment_register segment) {
  uint32_t selector;
  if (segment == SEGMENT_FS) __asm__ volatile("mov %%fs, %0" : "=r"(selector));
  else __asm__ volatile("mov %%gs, %0" : "=r"(selector));
  return selector & 0xffff;
}

/* The table of the guest's present mode has to be in use when its segments are loaded. */
static void use_present_table(void) {
  backend_descriptors_use(vcpu.cpl == 3);
}

bool backend_segment_load(enum segment_register segment, uint32_t selector) {
  use_present_table();
  return (segment == SEGMENT_FS ? load_fs(selector) : load_gs(selector)) != 0;
}

/* ---- the guest ---- */

static _Noreturn void monitor_lost(const struct monitor_frame *frame) {
  uint32_t address;
  __asm__ volatile("mov %%cr2, %0" : "=r"(address));
  report_text("previrt: the monitor faulted: vector ");
  report_decimal(frame->vector);
  report_text(", error ");
  report_hex(frame->error);
  report_text(", at ");
  report_hex(frame->eip);
  report_text(", fault address ");
  report_hex(address);
  report_text("\n");
  report_guest("last seen");
  backend_shutdown(SHUTDOWN_FAULT);
}

/* The guest's registers, which the way out had loaded already, back into their places; its EIP and stack still are there. */
static void take_back(struct monitor_frame *frame) {
  /* The frame lies where some of them belong. */
  struct registers *r = &vcpu.regs;
  struct monitor_frame copy = *frame;
  r->es = copy.es, r->ds = copy.ds;
  r->edi = copy.edi, r->esi = copy.esi, r->ebp = copy.ebp, r->ebx = copy.ebx, r->edx = copy.edx, r->ecx = copy.ecx, r->eax = copy.eax;
  r->vector = copy.vector, r->error = copy.error;
}

void monitor_fault(struct monitor_frame *frame) {
  if (host_interrupt(frame->vector)) return;
  const uint8_t *at = (const uint8_t *)frame->eip;
  if (at == return_es) vcpu.regs.es = 0;
  else if (at == return_ds) vcpu.regs.ds = 0;
  else if (at == load_fs_fault || at == load_gs_fault) frame->ecx = frame->eax = 0;
  else if (at == return_iret) {
    take_back(frame);
    /* Not back to the fault, but out of `enter_guest` as if the guest had faulted. */
    __asm__ volatile("jmp return_failed");
    __builtin_unreachable();
  } else monitor_lost(frame);
}

bool backend_enter(void) {
  enter_guest();
  uint32_t vector = vcpu.regs.vector;
  if (vector == VECTOR_PF) __asm__ volatile("mov %%cr2, %0" : "=r"(vcpu.fault_address));
  return host_interrupt(vector);
}

void backend_fpu_control(uint32_t cr0, uint32_t cr4) {
  uint32_t real;
  __asm__ volatile("mov %0, %%cr0" : : "r"(CR0_OURS | (cr0 & (CR0_MP | CR0_EM | CR0_TS))));
  __asm__ volatile("mov %%cr4, %0" : "=r"(real));
  uint32_t passed = CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_TSD;
  uint32_t wanted = (real & ~passed) | (cr4 & passed);
  if (wanted != real) __asm__ volatile("mov %0, %%cr4" : : "r"(wanted));
}

void backend_cpuid(uint32_t *eax, uint32_t *ebx, uint32_t *ecx, uint32_t *edx) {
  __asm__ volatile("cpuid" : "+a"(*eax), "=b"(*ebx), "+c"(*ecx), "=d"(*edx));
}

void backend_idle(void) {
  wait_for_interrupt();
}
