/*
 * The front end as a program of the machine that builds it, under a back end that attacks it: every time the guest would run,
 * a random trap is reported instead, or the guest's memory is changed as a guest can change it. Whatever came before, what
 * host/machine.h promises holds, and the sites of modules are in order and are where a trap was put.
 *
 *   host-frontend SEED STEPS
 *
 * prints how often each thing was done. Exit code 3: something of this does not hold (the step is named; the seed repeats it).
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../frontend/events.h"
#include "../frontend/frames.h"
#include "../frontend/memory.h"
#include "../frontend/modules.h"
#include "../frontend/ports.h"
#include "../frontend/shadow.h"
#include "../frontend/sites.h"
#include "../frontend/tables.h"
#include "../frontend/walk.h"
#include "formats.h"
#include "machine.h"

/* Of the pages at TABLES: 0 is a directory, 1 to 4 are its page tables, then anything; these two are for PAE. */
enum { TABLE_PAGE_COUNT = 12, PAE_DIRECTORY = 10, PAE_POINTERS = 11 };

static jmp_buf stopped;

/* ---- random numbers: xorshift ---- */

static uint64_t state;
static uint32_t random32(void) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return (uint32_t)(state >> 16);
}
static uint32_t below(uint32_t count) {
  return random32() % count;
}

static unsigned long step;
static unsigned seed;
_Noreturn void broken(const char *what, uint32_t number) {
  fprintf(stderr, "host-frontend: seed %u, step %lu: %s %#x\n", seed, step, what, number);
  exit(3);
}

/* ---- the machine around it ---- */

void backend_cpuid(uint32_t *eax, uint32_t *ebx, uint32_t *ecx, uint32_t *edx) {
  *eax = *ebx = *ecx = *edx = random32();
}

void backend_idle(void) {
  static uint32_t naps;
  clock_now += 60000000;
  if (++naps % 64 == 0) longjmp(stopped, SHUTDOWN_HALT + 1);   /* no interrupt will ever come */
}

void backend_console_write(uint8_t byte) {
  (void)byte;
}

int backend_console_read(void) {
  return below(8) == 0 ? (int)below(256) : -1;
}

_Noreturn void backend_shutdown(enum shutdown why) {
  longjmp(stopped, (int)why + 1);
}

/* ---- what must hold, besides ---- */

static void check_sites(void) {
  if (site_table.count > SITE_MAX) broken("too many sites", site_table.count);
  for (uint32_t i = 0; i < site_table.count; i++) {
    const struct site *site = &site_table.sites[i];
    if (i > 0 && site->address <= site[-1].address) broken("sites out of order, at", site->address);
    if (!site->module || !site->trapped || site_at(paging() ? site->address : site->address - 0xc0000000) != site) broken("a site that cannot be found, at", site->address);
  }
}

/* ---- the attacker ---- */

static const uint32_t addresses[] = {CODE, STACK, GDT, IDT, TASK, TABLES, 0, 0xfff, 0xffffffff, 0xfffff000, MONITOR_LINEAR, MONITOR_LINEAR - 1,
                                     WINDOW_LINEAR, 0x9f000, MONITOR_PHYSICAL, 0x3000000, 0xa0000000, 0xc0f00000, 0xc0f00040, 0xf00000, 0x7ffff000, 0x80000000};

static uint32_t some_address(void) {
  uint32_t address = addresses[below(sizeof addresses / sizeof addresses[0])];
  switch (below(4)) {
    case 0: return address;
    case 1: return address + below(64) - 32;
    case 2: return address + below(TABLE_PAGE_COUNT * 4096);
    default: return random32();
  }
}

static uint32_t some_entry(void) {
  const uint32_t frames[] = {MONITOR_FRAME, OWN_FRAME, table_frame(1), table_frame(5), absent_frame(false), 0, 0xf00, 0x9f, 0xfffff, 0x7ffff, 0x80000, RAM_FRAMES - 1, RAM_FRAMES};
  uint32_t frame = below(4) == 0 ? frames[below(sizeof frames / sizeof frames[0])] : below(3) == 0 ? below(RAM_FRAMES) : (TABLES >> 12) + below(TABLE_PAGE_COUNT);
  uint32_t flags = below(8) == 0 ? random32() & 0xfff : ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USER | (below(8) == 0 ? ENTRY_LARGE : 0);
  return frame << 12 | flags;
}

static uint32_t some_selector(void) {
  static const uint16_t selectors[] = {0x10, 0x18, 0x20, 0x2b, 0x33, 0x38, 0x40, 0x48, 4, 7, 0xf, 0xff80, 0xff88, 0xff90, 0xff98, 0xffff, 0xfff8};
  return below(8) == 0 ? random32() & 0xffff : selectors[below(sizeof selectors / sizeof selectors[0])];
}

static uint64_t some_descriptor(void) {
  static const uint64_t kinds[] = {0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00cf9f000000ffff, 0x00009b000000ffff,
                                   0x0000930000000000, 0x00cf97000000ffff, 0x0000ec0000000000, 0x0000e50000400000, 0x0000820000000fff, 0};
  uint64_t descriptor = kinds[below(sizeof kinds / sizeof kinds[0])];
  uint32_t base = some_address();
  if (below(2) == 0) descriptor |= (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(base >> 24) << 56;
  if (below(4) == 0) descriptor ^= 1ull << below(64);
  if (below(4) == 0) return (uint64_t)0x8900 << 32 | (uint64_t)(base & 0xffffff) << 16 | 0x67;
  return descriptor;
}

static uint64_t some_gate(void) {
  uint32_t handler = below(4) == 0 ? some_address() : CODE + below(0x100), selector = below(16) == 0 ? some_selector() : 0x10;
  static const uint16_t types[] = {0x8e00, 0xee00, 0x8f00, 0xef00, 0x8500, 0x8c00, 0x0e00, 0x8600};
  uint32_t type = types[below(16) == 0 ? below(8) : below(4)];
  return (handler & 0xffff) | (uint64_t)selector << 16 | (uint64_t)type << 32 | (uint64_t)(handler >> 16) << 48;
}

/* The guest writes: only where the shadow tables let it. */
static void write_as_guest(uint32_t address, const void *from, size_t size) {
  if (guest_write(address, from, size, present_access())) return;
  vcpu.fault_address = last_fault.address;
}

/* By physical address, as through an alias that the guest has somewhere: what is protected has to be taken out of sync. */
static void write_physical(uint32_t address, const void *from, size_t size) {
  uint32_t frame = address >> 12;
  if (frame_kind(frame) != FRAME_RAM) return;
  if (frame_in_sync(frame)) {
    if (out_of_sync_full()) return;
    frame_out_of_sync(frame);
  }
  memcpy(ram + address, from, size);
}

static void change_memory(void) {
  uint64_t value;
  switch (below(6)) {
    case 0: value = some_descriptor(); write_physical(GDT + (below(16) ? 9 + below(7) : below(16)) * 8, &value, 8); return;
    case 1: value = some_gate(); write_physical(IDT + below(64) * 8, &value, 8); return;
    case 2: value = random32() % 3 ? some_address() : some_selector(); write_physical(TASK + (below(16) ? 3 + below(24) : below(3)) * 4, &value, 4); return;
    case 3: case 4:
      value = some_entry();
      if (below(3) != 0) value |= (uint64_t)(below(4) == 0 ? random32() : 0) << 32;
      /* Mostly not where the guest itself is. */
      write_physical(TABLES + (below(16) ? 2 + below(8) : below(TABLE_PAGE_COUNT)) * 4096 + (below(2) ? 8 + below(8) : below(1024)) * 4, &value, vcpu.cr4 & CR4_PAE ? 8 - 4 * below(2) : 4);
      return;
    default: value = (uint64_t)random32() << 32 | random32(); write_as_guest(some_address(), &value, 1 + below(8)); return;
  }
}

static const uint8_t opcodes[][2] = {{0xfa}, {0xfb}, {0x9c}, {0x9d}, {0xcf}, {0xca}, {0xcb}, {0x9a}, {0xea}, {0xff, 0x2d}, {0xff, 0x1d}, {0x6c}, {0x6f}, {0xe4}, {0xe7},
  {0xed}, {0xee}, {0x8c}, {0x8e}, {0x8e, 0xd0}, {0x07}, {0x17}, {0x1f}, {0xc4}, {0xc5}, {0x0f, 0xb2}, {0x0f, 0xb4}, {0x0f, 0xb5}, {0x0f, 0x00}, {0x0f, 0x00}, {0x0f, 0x01},
  {0x0f, 0x01}, {0x0f, 0x02}, {0x0f, 0x03}, {0x0f, 0x06}, {0x0f, 0x09}, {0x0f, 0x20}, {0x0f, 0x21}, {0x0f, 0x22}, {0x0f, 0x22}, {0x0f, 0x22}, {0x0f, 0x23}, {0x0f, 0x30},
  {0x0f, 0x31}, {0x0f, 0x32}, {0x0f, 0x34}, {0x0f, 0x35}, {0x0f, 0xa1}, {0x0f, 0xa2}, {0x0f, 0xa9}, {0xf4}, {0xcd}};
static const uint8_t prefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3};

/* An instruction that traps, with random operands. */
static void put_instruction(void) {
  uint8_t bytes[20];
  uint32_t length = 0;
  for (uint32_t n = below(4) == 0 ? below(16) : 0; n > 0 && length < 15; n--) bytes[length++] = prefixes[below(sizeof prefixes)];
  const uint8_t *opcode = opcodes[below(sizeof opcodes / sizeof opcodes[0])];
  bytes[length++] = opcode[0];
  if (opcode[0] == 0x0f || opcode[1] != 0) bytes[length++] = opcode[1];
  while (length < sizeof bytes) bytes[length++] = (uint8_t)random32();
  if (below(8) == 0) vcpu.regs.eip = (vcpu.regs.eip | 0xfff) - below(20);
  guest_write(segment_base(vcpu.regs.cs) + vcpu.regs.eip, bytes, sizeof bytes, 0);
}

static uint32_t some_value(void) {
  switch (below(5)) {
    case 0: return some_address();
    case 1: return some_selector();
    case 2: return (TABLES >> 12) + below(TABLE_PAGE_COUNT) * 4096;
    case 3: return 1u << below(32) | CR0_PE;
    default: return random32();
  }
}

static void change_registers(void) {
  uint32_t *general[] = {&vcpu.regs.eax, &vcpu.regs.ecx, &vcpu.regs.edx, &vcpu.regs.ebx, &vcpu.regs.esp, &vcpu.regs.ebp, &vcpu.regs.esi, &vcpu.regs.edi};
  *general[below(8)] = some_value();
  if (below(8) != 0) vcpu.regs.esp = STACK + below(64) * 4;
  if (below(4) != 0) vcpu.regs.eip = CODE + below(4096);
  if (below(16) == 0) vcpu.regs.eip = some_address();
  if (below(16) == 0) vcpu.regs.ecx = 0x174 + below(3);
  if (below(16) == 0) vcpu.regs.eflags = (random32() & FLAGS_OWN) | FLAGS_ALWAYS | (vcpu.regs.eflags & FLAG_IF);
  if (below(8) == 0) {
    uint32_t selector = some_selector();
    if (machine_loadable(selector)) *(below(2) ? &vcpu.regs.es : &vcpu.regs.ds) = selector;
  }
}

/* Control registers as an instruction sets them, with values that keep the guest going for a while. */
static void put_control(void) {
  static const uint8_t write_cr3[] = {0x0f, 0x22, 0xd8}, write_cr0[] = {0x0f, 0x22, 0xc0}, write_cr4[] = {0x0f, 0x22, 0xe0}, invalidate[] = {0x0f, 0x01, 0x38};
  const uint8_t *code = write_cr3;
  switch (below(6)) {
    case 0: code = write_cr0, vcpu.regs.eax = CR0_PE | (below(4) ? CR0_PG : 0) | (below(2) ? CR0_WP : 0); break;
    case 1: code = write_cr4, vcpu.regs.eax = (below(2) ? CR4_PAE : 0) | (below(2) ? CR4_PSE : 0) | (below(2) ? CR4_PGE : 0); break;
    case 2: case 3: vcpu.regs.eax = TABLES + (below(8) == 0 ? below(TABLE_PAGE_COUNT) : vcpu.cr4 & CR4_PAE ? PAE_POINTERS : 0) * 4096; break;
    default: code = invalidate, vcpu.regs.eax = some_address();
  }
  guest_write(segment_base(vcpu.regs.cs) + vcpu.regs.eip, code, 3, 0);
}

/* A module somewhere, mostly whole; the guest stops where it has been loaded. */
static void put_module(void) {
  enum { MODULE_TRAP = CODE + 0x70, HEADER = CODE + 0x8000, TEXT = CODE + 0x9000, SIZE = 0x400, SYMBOLS = 8 };
  static const uint8_t code[][3] = {{0x9d, 0x90, 0x90}, {0x9c, 0x58, 0x50}, {0x0f, 0xa2, 0x90}, {0x8c, 0xd0, 0x90}, {0x0f, 0x00, 0xc0}, {0x90, 0x90, 0x90}, {0x31, 0xc0, 0xf4}};
  uint8_t text[SIZE + 2];
  for (uint32_t at = 0; at < SIZE; at += 3) memcpy(text + at, code[below(7)], 3);
  for (uint32_t n = below(3); n > 0; n--) text[below(SIZE)] = (uint8_t)random32();
  write_physical(TEXT, text, SIZE);
  uint32_t header[13] = {0x464c457f, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40 << 16, 3};
  uint32_t sections[30] = {[11] = 1, [12] = 6, [13] = TEXT, [15] = SIZE, [21] = 2, [23] = HEADER + 0x400, [25] = SYMBOLS * 16}, symbols[SYMBOLS * 4];
  for (uint32_t i = 0; i < SYMBOLS; i++) {
    uint32_t start = below(SIZE / 3) * 3;
    symbols[i * 4] = 0, symbols[i * 4 + 1] = TEXT + start, symbols[i * 4 + 2] = below((SIZE - start) / 3 + 1) * 3, symbols[i * 4 + 3] = 0x10002;
  }
  if (below(4) == 0) header[below(13)] = some_address();
  if (below(4) == 0) sections[below(30)] = below(2) ? some_address() : below(2) ? 0xffffffff : random32();
  if (below(4) == 0) symbols[below(SYMBOLS * 4)] = some_address();
  write_physical(HEADER, header, sizeof header);
  write_physical(HEADER + 0x100, sections, sizeof sections);
  write_physical(HEADER + 0x400, symbols, sizeof symbols);
  uint32_t arguments[2] = {below(8) == 0 ? some_address() : HEADER, below(8) == 0 ? some_address() : HEADER + 0x100};
  write_as_guest(vcpu.regs.esp, arguments, sizeof arguments);
  vcpu.regs.eip = MODULE_TRAP, vcpu.regs.eax = below(8) == 0 ? 0xfffffff4 : 0;
  modules_start(MODULE_TRAP, below(2));
}

static uint64_t done[8], modules;
static uint32_t most_sites;

bool backend_enter(void) {
  if (step == 0) longjmp(stopped, SHUTDOWN_HALT + 1);
  step--;
  clock_now += below(8) == 0 ? 1000000 : 1000;
  if (step % 16 == 0) machine_check(), check_sites();
  if (site_table.count > most_sites) most_sites = site_table.count;
  uint32_t what = below(8);
  done[what]++;
  vcpu.regs.error = 0;
  for (uint32_t changes = below(4); changes > 0; changes--) change_memory();
  change_registers();
  switch (what) {
    case 0: case 1: case 2:
      if (below(32) == 0) {
        put_module();
        modules += modules_trapped();
      } else put_instruction();
      vcpu.regs.vector = VECTOR_GP;
      if (below(4) == 0) vcpu.regs.error = some_selector() & ~2u;
      return false;
    case 3:
      put_control();
      vcpu.regs.vector = VECTOR_GP;
      return false;
    case 4: case 5:
      vcpu.fault_address = some_address();
      vcpu.regs.vector = VECTOR_PF, vcpu.regs.error = below(8) | FAULT_USER;
      return false;
    case 6:
      vcpu.regs.vector = VECTOR_GP, vcpu.regs.error = below(256) << 3 | 2;
      return false;
    default: {
      static const uint8_t vectors[] = {0, 1, 3, 4, 6, 7, 11, 12, 16, 0x80, 0x20, 0x27, 0x2f};
      vcpu.regs.vector = vectors[below(sizeof vectors)];
      if (vcpu.regs.vector == 11 || vcpu.regs.vector == 12) vcpu.regs.error = some_selector();
      return vcpu.regs.vector >= HOST_VECTOR && vcpu.regs.vector < HOST_VECTOR_END;
    }
  }
}

/* A guest with flat segments, some gates, and tables that map low memory. */
static void start_guest(void) {
  static const uint64_t flat[] = {0, 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0, 0x00cffb000000ffff, 0x00cff3000000ffff, 0x0000890000000067 | (uint64_t)TASK << 16, 0x00008200000000ff | (uint64_t)GDT << 16};
  machine_reset();
  memset(ram + CODE, 0, TABLES - CODE);   /* elsewhere the guests before have left something */
  memcpy(ram + GDT, flat, sizeof flat);
  for (uint32_t i = 0; i < 64; i++) {
    uint64_t gate = some_gate();
    memcpy(ram + IDT + i * 8, &gate, 8);
  }
  uint32_t stack[] = {STACK + 0x800, 0x18};
  memcpy(ram + TASK + 4, stack, sizeof stack);
  for (uint32_t i = 0; i < TABLE_PAGE_COUNT * 1024; i++) {
    uint32_t entry = i < 4 ? (TABLES + 4096 + i * 4096) | 7 : i >= 1024 && i < 5120 && below(16) ? (i - 1024) << 12 | 7 : below(4) ? 0 : some_entry();
    memcpy(ram + TABLES + i * 4, &entry, 4);
  }
  for (uint64_t i = 0; i < 512; i++) {
    uint64_t page = i < 9 ? i << 21 | 0x87 : below(2) ? 0 : some_entry(), pointer = i < 4 ? (TABLES + PAE_DIRECTORY * 4096) | 1 : 0;
    memcpy(ram + TABLES + PAE_DIRECTORY * 4096 + i * 8, &page, 8);
    memcpy(ram + TABLES + PAE_POINTERS * 4096 + i * 8, &pointer, 8);
  }
  vcpu.cr3 = TABLES + (below(2) ? PAE_POINTERS * 4096 : 0);
  vcpu.cr0 = CR0_PE | CR0_ET;
  vcpu.gdtr = (struct table_register){GDT, 16 * 8 - 1};
  vcpu.idtr = (struct table_register){IDT, 64 * 8 - 1};
  vcpu.tr = (struct system_segment){0x38, TASK, 0x67};
  vcpu.regs.cs = 0x13, vcpu.regs.ss = 0x1b, vcpu.regs.ds = vcpu.regs.es = 0x18;
  vcpu.regs.eip = CODE, vcpu.regs.esp = STACK + 0x400;
  vcpu.regs.eflags = FLAGS_ALWAYS;
  shadow_reset();
  descriptors_follow();
  flags_start(below(2));
  ports_start(RAM_FRAMES * 4, 0);
}

int main(int count, char **arguments) {
  seed = count > 1 ? (unsigned)strtoul(arguments[1], NULL, 0) : 1;
  step = count > 2 ? strtoul(arguments[2], NULL, 0) : 100000;
  state = seed * 0x9e3779b97f4a7c15ull | 1;
  static unsigned long ends[4];
  if (!machine_start()) return 2;
  for (int i = 0; i < 16; i++) random32();
  volatile bool first = true;
  int why = setjmp(stopped);
  if (!first) ends[why]++;
  first = false;
  if (step > 0) {
    start_guest();
    events_run();
  }
  printf("instructions %lu, page faults %lu, INT n %lu, others %lu\n", (unsigned long)(done[0] + done[1] + done[2] + done[3]), (unsigned long)(done[4] + done[5]),
         (unsigned long)done[6], (unsigned long)done[7]);
  printf("guests reset %lu, halted %lu, stopped %lu\n", ends[SHUTDOWN_RESET + 1], ends[SHUTDOWN_HALT + 1], ends[SHUTDOWN_FAULT + 1]);
  printf("modules %lu, sites of them at most %u\n", (unsigned long)modules, most_sites);
  free(ram);
  return 0;
}
