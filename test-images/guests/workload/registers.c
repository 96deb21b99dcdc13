/*
 * Registers and flags across everything that enters the kernel: a kernel patched with a wrong fact about a dead
 * register shows it here first.
 */
#include "probe.h"

/* System calls by both gates, page faults of every sort: each with every combination of flags. */
u32 part_registers(void) {
  u32 sum = CHECKSUM_START;
  u8 *pages = map_memory(16 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED);
  u32 self = (u32)system_call(SYS_getpid);
  for (u32 n = 0; n < 2 * FLAG_COMBINATIONS; n++) {
    struct registers found, in = pattern(n + 1, flags_of(n % FLAG_COMBINATIONS)), wanted = in;
    with_registers(&in, &found, event_none);
    require_registers(&found, &wanted, "nothing");

    in.eax = SYS_getpid;
    wanted.eax = self;
    with_registers(&in, &found, event_interrupt_gate);
    require_registers(&found, &wanted, "int 80h");
    with_registers(&in, &found, event_vdso_gate);
    require_registers(&found, &wanted, "sysenter");
    in.eax = 0x10000 + n;
    wanted.eax = (u32)-ENOSYS;
    with_registers(&in, &found, event_interrupt_gate);
    require_registers(&found, &wanted, "an absent system call by int 80h");
    with_registers(&in, &found, event_vdso_gate);
    require_registers(&found, &wanted, "an absent system call by sysenter");
    in.eax = SYS_sched_yield;
    wanted.eax = 0;
    with_registers(&in, &found, event_vdso_gate);
    require_registers(&found, &wanted, "sched_yield");
    in.eax = SYS_pipe;
    in.ebx = 16 + n % 64;
    wanted.eax = (u32)-EFAULT;
    wanted.ebx = in.ebx;
    with_registers(&in, &found, event_interrupt_gate);
    require_registers(&found, &wanted, "a system call that faults");

    /* The pages keep their contents, and are missing again. */
    in = wanted = pattern(n + 1, flags_of(n % FLAG_COMBINATIONS));
    u8 *page = pages + n % 16 * PAGE;
    *(volatile u32 *)(page + 8) = n;
    page[16] = 0xc3; /* ret */
    for (u32 kind = 0; kind < 5; kind++) {
      static event *const events[] = {event_read, event_write, event_add, event_execute, event_copy};
      static const char *const names[] = {"a read fault", "a write fault", "an add fault", "an execute fault", "a copy fault"};
      in = pattern(n + kind, flags_of(n % FLAG_COMBINATIONS));
      in.eax = (u32)page + (kind == 3 ? 16 : 8);
      if (kind == 4) {
        /* Both ways, by the direction flag, over the end of a page. */
        in.edi = (u32)pages + 8 * PAGE - 50;
        in.esi = (u32)page + 900;
        in.ecx = 100;
        if ((in.eflags & 0x400) != 0) in.edi += 100;
        require((u32)system_call(SYS_madvise, pages + 7 * PAGE, 2 * PAGE, MADV_DONTNEED), 0, "madvise");
      }
      wanted = in;
      u32 content = *(volatile u32 *)(page + 8);
      require((u32)system_call(SYS_madvise, page, PAGE, MADV_DONTNEED), 0, "madvise");
      if (kind == 0) wanted.eax = content;
      if (kind == 2) wanted.ecx = content;
      if (kind == 4) {
        u32 way = (in.eflags & 0x400) != 0 ? -in.ecx : in.ecx;
        wanted.ecx = 0;
        wanted.edi += way;
        wanted.esi += way;
      }
      with_registers(&in, &found, events[kind]);
      if (kind == 2) {
        /* The sum decides the arithmetic flags, not what they were. */
        require(*(volatile u32 *)(page + 8), content + in.ecx, "the sum after an add fault");
        require(found.eflags & 1, content + in.ecx < content, "carry after an add fault");
        wanted.eflags = (in.eflags & 0x400) | (found.eflags & ~0x400u & (CHOSEN_FLAGS | SEEN_FLAGS));
      }
      require_registers(&found, &wanted, names[kind]);
      sum = mix(sum, *(volatile u32 *)(page + 8));
    }
  }
  return sum;
}

#define FAULT(name) extern u8 fault_##name[], end_##name[];
#define ROW(name, signal, trap, error) {#name, fault_##name, end_##name, signal, trap, error}
struct fault {
  const char *name;
  u8 *start, *end;
  u32 signal, trap, error;
};

/* An instruction that must end in a signal: the handler sees all registers, and chooses what the program sees next. */
static u32 meet(const struct fault *fault, const struct registers *in, const struct registers *next, u32 sum) {
  struct registers found, seen;
  caught.count = 0;
  replacement = next;
  skip = (u32)(fault->end - fault->start);
  if (fault->trap == CPU_TRAP_BREAKPOINT) skip = 0;
  with_registers(in, &found, (event *)(u32)fault->start);
  require(caught.count, 1, fault->name);
  require(caught.signal, fault->signal, "the signal");
  require(caught.machine.trap, fault->trap, "the exception's number");
  require(caught.machine.error, fault->error, "the error code");
  require(caught.machine.eip + skip, (u32)fault->end, "the exception's address");
  seen = (struct registers){caught.machine.eax, caught.machine.ecx, caught.machine.edx, caught.machine.ebx, 0,
                            caught.machine.ebp, caught.machine.esi, caught.machine.edi,
                            caught.machine.eflags & (CHOSEN_FLAGS | SEEN_FLAGS)};
  require_registers(&seen, in, fault->name);
  require_registers(&found, next == NULL ? in : next, "a handler");
  return mix(mix(mix(sum, caught.signal), caught.machine.trap), caught.machine.error);
}

FAULT(invalid) FAULT(divide) FAULT(read) FAULT(write) FAULT(push) FAULT(breakpoint) FAULT(vector)

u32 part_exceptions(void) {
  static const struct fault FAULTS[] = {
      ROW(invalid, SIGILL, CPU_TRAP_INVALID, 0),
      ROW(divide, SIGFPE, CPU_TRAP_DIVIDE, 0),
      ROW(breakpoint, SIGTRAP, CPU_TRAP_BREAKPOINT, 0),
      ROW(read, SIGSEGV, CPU_TRAP_PAGE, PAGE_ERROR_USER),
      ROW(write, SIGSEGV, CPU_TRAP_PAGE, PAGE_ERROR_USER | PAGE_ERROR_WRITE),
      ROW(push, SIGSEGV, CPU_TRAP_PAGE, PAGE_ERROR_USER),
      ROW(vector, SIGSEGV, CPU_TRAP_PROTECTION, 0x81 * 8 + 2),
  };
  /* Read-only, absent, the kernel's: whatever is tried there. */
  static const struct fault FORBIDDEN = ROW(write, SIGSEGV, CPU_TRAP_PAGE, PAGE_ERROR_USER | PAGE_ERROR_WRITE | PAGE_ERROR_PRESENT);
  static const struct fault KERNEL = ROW(read, SIGSEGV, CPU_TRAP_PAGE, PAGE_ERROR_USER | PAGE_ERROR_PRESENT);
  static const int SIGNALS[] = {SIGILL, SIGFPE, SIGTRAP, SIGSEGV};
  for (u32 i = 0; i < sizeof SIGNALS / sizeof SIGNALS[0]; i++) set_handler(SIGNALS[i], catch, 0);
  u8 *page = map_memory(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  *(volatile u8 *)page = 1;
  require((u32)system_call(SYS_mprotect, page, PAGE, PROT_READ), 0, "mprotect");

  u32 sum = CHECKSUM_START;
  for (u32 n = 0; n < 2 * FLAG_COMBINATIONS; n++) {
    struct registers in = pattern(n, flags_of(n % FLAG_COMBINATIONS));
    struct registers next = pattern(~n, flags_of(~n % FLAG_COMBINATIONS));
    in.eax = 0x10 + n * 4; /* where nothing is ever mapped */
    for (u32 i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++) {
      sum = meet(&FAULTS[i], &in, n % 2 == 0 ? &next : NULL, sum);
      if (FAULTS[i].trap == CPU_TRAP_PAGE) require(caught.address, in.eax, "the address of a fault");
    }
    in.eax = (u32)page + n;
    sum = meet(&FORBIDDEN, &in, n % 2 == 0 ? &next : NULL, sum);
    in.eax = 0xc0100000 + n * PAGE;
    sum = meet(&KERNEL, &in, n % 2 == 0 ? &next : NULL, sum);
  }
  return sum;
}

FAULT(cli) FAULT(sti) FAULT(hlt) FAULT(in) FAULT(in_dx) FAULT(out) FAULT(out_dx) FAULT(ins) FAULT(outs) FAULT(read_cr0)
FAULT(write_cr0) FAULT(read_cr3) FAULT(write_cr3) FAULT(write_cr4) FAULT(read_debug) FAULT(write_debug) FAULT(clts)
FAULT(lmsw) FAULT(lgdt) FAULT(lidt) FAULT(lldt) FAULT(ltr) FAULT(invlpg) FAULT(wbinvd) FAULT(rdmsr) FAULT(wrmsr)
FAULT(kernel_ss)

/* What only a kernel may do: a signal for a program, under any kernel, however that one is run itself. */
u32 part_privileged(void) {
#define REFUSED(name) ROW(name, SIGSEGV, CPU_TRAP_PROTECTION, 0)
  static const struct fault FAULTS[] = {
      REFUSED(cli),      REFUSED(sti),        REFUSED(hlt),  REFUSED(in),        REFUSED(in_dx),      REFUSED(out),
      REFUSED(out_dx),   REFUSED(ins),        REFUSED(outs), REFUSED(read_cr0),  REFUSED(write_cr0),  REFUSED(read_cr3),
      REFUSED(write_cr3), REFUSED(write_cr4), REFUSED(read_debug), REFUSED(write_debug), REFUSED(clts), REFUSED(lmsw),
      REFUSED(lgdt),     REFUSED(lidt),       REFUSED(lldt), REFUSED(ltr),       REFUSED(invlpg),     REFUSED(wbinvd),
      REFUSED(rdmsr),    REFUSED(wrmsr),      REFUSED(kernel_ss),
  };
  set_handler(SIGSEGV, catch, 0);
  u32 sum = CHECKSUM_START;
  for (u32 n = 0; n < 32; n++)
    for (u32 i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++) {
      struct registers in = pattern(n, flags_of(5 * n % FLAG_COMBINATIONS));
      in.eax = FAULTS[i].start == fault_kernel_ss ? 0 : in.eax;
      sum = meet(&FAULTS[i], &in, NULL, sum);
    }
  return sum;
}

/* Timer interrupts and switches between two programs, at any moment of a loop that holds all registers. */
u32 part_interrupts(void) {
  u32 sum = CHECKSUM_START;
  s32 child = system_call(SYS_fork);
  for (u32 n = 0; n < FLAG_COMBINATIONS; n++) {
    struct registers found, in = pattern(n ^ (child == 0 ? 0x5555 : 0), flags_of(n)), wanted;
    in.ecx = 200000;
    wanted = in;
    wanted.ecx = 0;
    with_registers(&in, &found, event_spin);
    require_registers(&found, &wanted, "interrupts");
    sum = mix(sum, found.edi);
  }
  if (child == 0) leave(0);
  require(wait_for(child), 0, "the other program");
  return sum;
}
