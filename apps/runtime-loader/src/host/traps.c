/*
 * The front end against a table of traps: each line of standard input is a guest and an instruction of it. What the processor does with
 * that in ring 3 is reported to the front end, and the line printed says what has changed when the guest would go on.
 *
 *   WORD... : BYTES           all numbers hexadecimal
 *
 *   then                      the guest of the line before goes on (its code is put where it is now); otherwise it is a new one
 *   user                      it is a user program that executes it; otherwise the kernel
 *   NAME=VALUE                a register, by the names below
 *   [ADDRESS]=VALUE           a word of memory, by physical address
 *   trap=VECTOR:ERROR         what the processor makes of the instruction; otherwise a general protection fault with 0
 *   fault=ERROR:ADDRESS       a page fault
 *   host=NANOSECONDS          an interrupt of the host, so much later
 *   site                      the instruction is a site with a one-byte trap
 *   memory-flag               the kernel has stubs, and its interrupt flag is in the shared words
 *   stub=ADDRESS              the instruction is in a stub, and stood there
 *   time                      EAX and EDX are nobody's business: the clock's
 *
 * Printed: "VECTOR frame WORDS" if an exception or interrupt arrived at its handler, else "eip=" unless it is behind the instruction;
 * registers, and words of memory, with their new values; "idle" for a guest that waits, "reset", "halt", "fault" for one that ended.
 * The line "kinds" prints the numbers of the kinds emulated so far. Exit code 2: not a line; 3: what host/machine.h promises does not hold.
 *
 * A new guest: paging on, addresses as in memory. Below 400000h everybody may write, below 800000h the kernel alone, below C00000h
 * everybody may read, nothing is above. Segments: 10h and 18h of the kernel, 2Bh and 33h of user programs, 38h TSS, 40h LDT (row 4: data
 * of user programs), 48h code and 50h data, absent, 58h conforming code, 60h data that is read-only, 68h data at 1000h, 70h a call
 * gate, 78h another TSS. Gates lead to 100000h + 16 * vector; those of 3, 4, 80h and 81h (a trap gate) are open to user programs.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../frontend/emulate.h"
#include "../frontend/events.h"
#include "../frontend/memory.h"
#include "../frontend/ports.h"
#include "../frontend/resident.h"
#include "../frontend/shadow.h"
#include "../frontend/sites.h"
#include "../frontend/stubs.h"
#include "formats.h"
#include "machine.h"

enum { HANDLERS = 0x100000, VECTORS = 256, KERNEL_STACK = STACK + 0x800, USER_STACK = STACK + 0x2000, LDT = TASK + 0x400, OTHER_TASK = TASK + 0x200 };
enum { WINDOW = TABLES + 0x10000 - CODE };   /* memory from CODE that is looked at */
enum outcome { NEW_GUEST = 1, NO_MORE, IDLE, ENDED };

enum { NAP = 20000000, NAPS = 4 };   /* a guest that waits longer than that (nanoseconds each) is idle */

static unsigned line_number, naps;
static jmp_buf stopped;
static enum shutdown ending;

_Noreturn void broken(const char *what, uint32_t number) {
  fprintf(stderr, "host-traps: line %u: %s %#x\n", line_number, what, number);
  exit(3);
}

static _Noreturn void refuse(const char *what) {
  fprintf(stderr, "host-traps: line %u: not understood: %s\n", line_number, what);
  exit(2);
}

/* ---- the machine around it ---- */

void backend_cpuid(uint32_t *eax, uint32_t *ebx, uint32_t *ecx, uint32_t *edx) {
  *eax = *ebx = *ecx = *edx = 0xffffffff;
}

void backend_idle(void) {
  clock_now += NAP;
  if (--naps == 0) longjmp(stopped, IDLE);
}

void backend_console_write(uint8_t byte) {
  (void)byte;
}

int backend_console_read(void) {
  return -1;
}

_Noreturn void backend_shutdown(enum shutdown why) {
  ending = why;
  longjmp(stopped, ENDED);
}

/* ---- registers by name ---- */

static const struct {
  const char *name;
  uint32_t *at;
} registers[] = {
  {"eax", &vcpu.regs.eax}, {"ecx", &vcpu.regs.ecx}, {"edx", &vcpu.regs.edx}, {"ebx", &vcpu.regs.ebx},
  {"esp", &vcpu.regs.esp}, {"ebp", &vcpu.regs.ebp}, {"esi", &vcpu.regs.esi}, {"edi", &vcpu.regs.edi},
  {"eip", &vcpu.regs.eip}, {"cs", &vcpu.regs.cs}, {"ss", &vcpu.regs.ss}, {"ds", &vcpu.regs.ds}, {"es", &vcpu.regs.es},
  {"fs", NULL}, {"gs", NULL}, {"flags", NULL}, {"if", NULL},
  {"iopl", &vcpu.iopl}, {"cpl", &vcpu.cpl}, {"cr0", &vcpu.cr0}, {"cr2", &vcpu.cr2}, {"cr3", &vcpu.cr3}, {"cr4", &vcpu.cr4},
  {"gdt", &vcpu.gdtr.base}, {"gdt.limit", &vcpu.gdtr.limit}, {"idt", &vcpu.idtr.base}, {"idt.limit", &vcpu.idtr.limit},
  {"ldt", &vcpu.ldtr.selector}, {"ldt.base", &vcpu.ldtr.base}, {"ldt.limit", &vcpu.ldtr.limit},
  {"tr", &vcpu.tr.selector}, {"tr.base", &vcpu.tr.base}, {"tr.limit", &vcpu.tr.limit},
  {"sysenter.cs", &vcpu.sysenter_cs}, {"sysenter.esp", &vcpu.sysenter_esp}, {"sysenter.eip", &vcpu.sysenter_eip}, {"misc", &vcpu.misc_enable},
  {"dr0", &vcpu.dr[0]}, {"dr1", &vcpu.dr[1]}, {"dr2", &vcpu.dr[2]}, {"dr3", &vcpu.dr[3]}, {"dr6", &vcpu.dr[6]}, {"dr7", &vcpu.dr[7]},
};
enum { EAX = 0, EDX = 2, ESP = 4, EIP = 8, CS, SS, DS, ES, FS, GS, FLAGS, IF, REGISTER_COUNT = sizeof registers / sizeof registers[0] };

static uint32_t value_of(unsigned which) {
  switch (which) {
    case CS: return virtual_selector(vcpu.regs.cs);
    case SS: return virtual_selector(vcpu.regs.ss);
    case DS: return vcpu.regs.ds & 0xffff;
    case ES: return vcpu.regs.es & 0xffff;
    case FS: return backend_segment(SEGMENT_FS);
    case GS: return backend_segment(SEGMENT_GS);
    case FLAGS: return vcpu.regs.eflags & FLAGS_OWN;
    case IF: return interrupts_on();
    default: return *registers[which].at;
  }
}

static void set_register(const char *name, uint32_t value) {
  unsigned which = 0;
  while (which < REGISTER_COUNT && strcmp(name, registers[which].name) != 0) which++;
  switch (which) {
    case REGISTER_COUNT: refuse(name);
    case FS: backend_segment_load(SEGMENT_FS, value); return;
    case GS: backend_segment_load(SEGMENT_GS, value); return;
    case FLAGS: load_flags(value, FLAGS_OWN); return;
    case IF: set_interrupts(value != 0); return;
    default: *registers[which].at = value;
  }
}

/* ---- a new guest ---- */

static void put(uint32_t address, const void *bytes, size_t size) {
  if (address > RAM_FRAMES * 4096u || size > RAM_FRAMES * 4096u - address) refuse("no such memory");
  memcpy(ram + address, bytes, size);
}

static uint64_t system_row(uint64_t type, uint32_t base, uint32_t limit) {
  return type << 40 | limit | (uint64_t)base << 16;
}

static void put_gate(uint32_t vector) {
  bool open = vector == 3 || vector == 4 || vector == 0x80 || vector == 0x81;
  uint64_t type = 0x8e + (open ? 0x60 : 0) + (vector == 0x81 ? 1 : 0), handler = HANDLERS + vector * 16;
  uint64_t gate = (handler & 0xffff) | (uint64_t)0x10 << 16 | type << 40 | (handler >> 16) << 48;
  put(IDT + vector * 8, &gate, 8);
}

static void new_guest(void) {
  const uint64_t rows[] = {0, 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0, 0x00cffb000000ffff, 0x00cff3000000ffff,
                           system_row(0x89, TASK, 0x67), system_row(0x82, LDT, 0xff), 0x00cf1b000000ffff, 0x00cf13000000ffff,
                           0x00cf9f000000ffff, 0x00cf91000000ffff, 0x00cf93001000ffff, 0x00008c0000100000 | CODE, system_row(0x89, OTHER_TASK, 0x67)};
  const uint64_t local = 0x00cff3000000ffff;
  const uint32_t directory[] = {0xe7, 0x4000e3, 0x8000e5}, stack[] = {KERNEL_STACK, 0x18}, ports = 0x68 << 16;
  machine_reset();
  clock_now = 0;
  memset(ram + CODE, 0, WINDOW);
  memset(ram + RESIDENT_PHYSICAL, 0, 4096);
  put(GDT, rows, sizeof rows);
  put(LDT, &local, sizeof local);
  put(TABLES, directory, sizeof directory);
  put(TASK + 4, stack, sizeof stack);
  put(TASK + 100, &ports, sizeof ports);   /* no map of them */
  for (uint32_t vector = 0; vector < VECTORS; vector++) put_gate(vector);
  vcpu.cr0 = CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_PE;
  vcpu.cr3 = TABLES;
  vcpu.cr4 = CR4_PSE;
  vcpu.gdtr = (struct table_register){GDT, sizeof rows - 1};
  vcpu.idtr = (struct table_register){IDT, VECTORS * 8 - 1};
  vcpu.ldtr = (struct system_segment){0x40, LDT, 0xff};
  vcpu.tr = (struct system_segment){0x38, TASK, 0x67};
  vcpu.regs = (struct registers){.eax = 0x11111111, .ecx = 0x22222222, .edx = 0x33333333, .ebx = 0x44444444, .ebp = 0x55555555, .esi = 0x66666666,
                                 .edi = 0x77777777, .eip = CODE, .esp = STACK + 0x400, .cs = 0x13, .ss = 0x1b, .ds = 0x18, .es = 0x18, .eflags = FLAGS_ALWAYS};
  site_table.count = 0;
  site_table.sites[0].address = ~0u;   /* what is remembered of it */
  stubs_take(&(struct moved_instruction){0, 0}, 0);
  shadow_reset();
  descriptors_follow();
  flags_start(false);
  ports_start(RAM_FRAMES * 4, 0);
}

static void become_user(void) {
  vcpu.cpl = 3;
  vcpu.regs.cs = 0x2b, vcpu.regs.ss = vcpu.regs.ds = vcpu.regs.es = 0x33;
  vcpu.regs.esp = USER_STACK;
  set_interrupts(true);
}

/* ---- a line ---- */

static struct {
  char text[512];
  char *code;           /* in `text`, behind the words */
  bool read, begun;     /* it waits; the front end has been told */
  bool goes_on, site, time;
  uint32_t stub, behind;
} line;

static struct {
  bool host;
  uint32_t vector, error;
} trap;

static void take_word(const char *word) {
  char name[16];
  uint32_t value, other;
  if (strcmp(word, "user") == 0) become_user();
  else if (strcmp(word, "site") == 0) line.site = true;
  else if (strcmp(word, "time") == 0) line.time = true;
  else if (strcmp(word, "memory-flag") == 0) flags_start(true);
  else if (sscanf(word, "trap=%x:%x", &value, &other) == 2) trap.vector = value, trap.error = other;
  else if (sscanf(word, "fault=%x:%x", &value, &other) == 2) trap.vector = VECTOR_PF, trap.error = value, vcpu.fault_address = other;
  else if (sscanf(word, "host=%x", &value) == 1) trap.host = true, trap.vector = 0x20, clock_now += value;
  else if (sscanf(word, "stub=%x", &value) == 1) line.stub = value;
  else if (sscanf(word, "[%x]=%x", &value, &other) == 2) put(value, &other, 4);
  else if (sscanf(word, "%15[a-z0-9.]=%x", name, &value) == 2) set_register(name, value);
  else refuse(word);
}

static uint32_t take_code(const char *text) {
  uint8_t bytes[16];
  uint32_t length = 0, value;
  for (; sscanf(text + 2 * length, "%2x", &value) == 1; length++) {
    if (length == sizeof bytes) refuse("the instruction is too long");
    bytes[length] = (uint8_t)value;
  }
  uint32_t at = vcpu.regs.eip;
  if (line.site) {
    site_table.sites[0] = (struct site){.address = at, .first_byte = bytes[0], .trapped = true};
    site_table.count = 1;
    bytes[0] = TRAP_OPCODE;
  }
  if (line.stub != 0) {
    static struct moved_instruction moved;
    moved = (struct moved_instruction){at, line.stub};
    stubs_take(&moved, 1);
  }
  put(at > RESIDENT_PAGE_OFFSET ? at - RESIDENT_PAGE_OFFSET : at, bytes, length);
  /* These have arrived when they are reported. */
  if (trap.vector == VECTOR_BP || trap.vector == VECTOR_OF || trap.vector == 0x80) vcpu.regs.eip += length;
  return at + length;
}

struct state {
  uint32_t values[REGISTER_COUNT];
  uint8_t memory[WINDOW], resident[4096];
};

static void record(struct state *state) {
  for (unsigned i = 0; i < REGISTER_COUNT; i++) state->values[i] = value_of(i);
  memcpy(state->memory, ram + CODE, WINDOW);
  memcpy(state->resident, ram + RESIDENT_PHYSICAL, sizeof state->resident);
}

static uint32_t word_at(const uint8_t *bytes) {
  uint32_t value;
  memcpy(&value, bytes, 4);
  return value;
}

/* Was a handler entered? Prints its vector and frame, and gives how many bytes that is. */
static uint32_t print_arrival(const struct state *before) {
  uint32_t esp = vcpu.regs.esp, offset = vcpu.regs.eip - HANDLERS, vector = offset / 16;
  if (vcpu.cpl != 0 || offset % 16 != 0 || vector >= VECTORS) return 0;
  uint32_t inwards = KERNEL_STACK - esp, within = before->values[ESP] - esp;
  /* With an error code or without; behind an instruction that moved the stack, without. */
  uint32_t size = inwards == 20 || inwards == 24 ? inwards : within == 16 ? 16 : 12;
  printf("%x frame", vector);
  for (uint32_t at = esp; at < esp + size; at += 4) printf(" %x", word_at(ram + at));
  return size;
}

static void print_memory(const uint8_t *before, uint32_t start, uint32_t size, uint32_t skip, uint32_t skip_end) {
  for (uint32_t at = start; at < start + size; at += 4)
    if ((at < skip || at >= skip_end) && word_at(before + (at - start)) != word_at(ram + at)) printf(" [%x]=%x", at, word_at(ram + at));
}

static void print_changes(const struct state *before, uint32_t behind) {
  static struct state after;
  record(&after);
  uint32_t frame = print_arrival(before);
  for (unsigned i = 0; i < REGISTER_COUNT; i++) {
    bool told = frame != 0 && (i == ESP || i == EIP || (i >= CS && i <= SS) || strcmp(registers[i].name, "cpl") == 0);
    bool expected = i == EIP && after.values[i] == behind;
    if (told || expected || (line.time && (i == EAX || i == EDX))) continue;
    if (before->values[i] != after.values[i] || (i == EIP && frame == 0)) printf(" %s=%x", registers[i].name, after.values[i]);
  }
  print_memory(before->memory, CODE, WINDOW, after.values[ESP], after.values[ESP] + frame);
  /* The copies of control registers say what the registers say. */
  print_memory(before->resident, RESIDENT_PHYSICAL, 4096, RESIDENT_PHYSICAL + SHARED_OFFSET + 8, RESIDENT_PHYSICAL + SHARED_OFFSET + 24);
}

static void print_kinds(void) {
  for (uint32_t kind = 1; kind < SITE_KINDS; kind++)
    if (site_table.kind_traps[kind] != 0) printf(" %u", kind);
  putchar('\n');
}

/* False: there is none. */
static bool read_line(void) {
  while (fgets(line.text, sizeof line.text, stdin) != NULL) {
    line_number++;
    line.text[strcspn(line.text, "\n")] = 0;
    if (strcmp(line.text, "kinds") == 0) {
      print_kinds();
      continue;
    }
    line.code = strstr(line.text, ": ");
    if (line.code == NULL) refuse("no \": BYTES\"");
    *line.code = 0, line.code += 2;
    line.goes_on = strncmp(line.text, "then", 4) == 0;
    line.read = true;
    return true;
  }
  return false;
}

static struct state before;

static void begin_line(void) {
  line.site = line.time = false, line.stub = 0;
  trap.host = false, trap.vector = VECTOR_GP, trap.error = 0;
  naps = NAPS;
  for (char *word = strtok(line.text, " "); word != NULL; word = strtok(NULL, " "))
    if (strcmp(word, "then") != 0) take_word(word);
  line.behind = take_code(line.code);
  vcpu.regs.vector = trap.vector, vcpu.regs.error = trap.error;
  record(&before);
  line.read = false, line.begun = true;
}

static void end_line(const char *how) {
  if (!line.begun) return;
  line.begun = false;
  fputs(how, stdout);
  print_changes(&before, *how == 0 ? line.behind : vcpu.regs.eip);
  putchar('\n');
}

bool backend_enter(void) {
  machine_check();
  end_line("");
  bool fresh = line.read;
  if (!fresh && !read_line()) longjmp(stopped, NO_MORE);
  if (!fresh && !line.goes_on) longjmp(stopped, NEW_GUEST);
  begin_line();
  return trap.host;
}

int main(void) {
  static const char *const ends[] = {[SHUTDOWN_RESET] = "reset", [SHUTDOWN_HALT] = "halt", [SHUTDOWN_FAULT] = "fault"};
  if (!machine_start()) return 2;
  new_guest();
  switch (setjmp(stopped)) {
    case NEW_GUEST: new_guest(); break;
    case NO_MORE: free(ram); return 0;
    case IDLE: end_line("idle"); break;
    case ENDED: end_line(ends[ending]); break;
  }
  events_run();
}
