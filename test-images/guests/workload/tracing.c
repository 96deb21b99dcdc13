/* One program looks into another: its registers, its memory, its system calls, its steps. */
#include "probe.h"

#define REGISTERS_OF(r) {(r).eax, (r).ecx, (r).edx, (r).ebx, 0, (r).ebp, (r).esi, (r).edi, (r).eflags & (CHOSEN_FLAGS | SEEN_FLAGS)}

extern u8 fault_breakpoint[], end_breakpoint[];

static s32 trace(u32 request, s32 child, u32 address, const void *data) {
  return system_call(SYS_ptrace, request, child, address, data);
}

/* Goes on with the child until it stops with a trap. */
static void go_on(s32 child, u32 request) {
  require((u32)trace(request, child, 0, 0), 0, "ptrace");
  require(wait_for(child), SIGTRAP << 8 | 0x7f, "how the traced program stopped");
}

/* A child at a breakpoint with a pattern in its registers: they are read, changed, and it finds the change. */
u32 part_tracing(void) {
  volatile u32 word = 1234;
  u32 sum = CHECKSUM_START;
  s32 child = system_call(SYS_fork);
  if (child == 0) {
    trace(PTRACE_TRACEME, 0, 0, 0);
    system_call(SYS_kill, system_call(SYS_getpid), SIGSTOP);
    for (u32 n = 0; n < FLAG_COMBINATIONS; n++) {
      struct registers found, in = pattern(n, flags_of(n)), wanted = pattern(~n, flags_of(~n % FLAG_COMBINATIONS));
      with_registers(&in, &found, (event *)(u32)fault_breakpoint);
      require_registers(&found, &wanted, "a tracer's change");
      require(word, 4321 + n, "a word that the tracer writes");
    }
    for (u32 n = 0; n < 20; n++) system_call(SYS_getpid);
    leave(9);
  }
  require(wait_for(child), SIGSTOP << 8 | 0x7f, "how the child waits for its tracer");
  for (u32 n = 0; n < FLAG_COMBINATIONS; n++) {
    struct traced_registers machine;
    go_on(child, PTRACE_CONT);
    require((u32)trace(PTRACE_GETREGS, child, 0, &machine), 0, "reading registers");
    struct registers found = REGISTERS_OF(machine), wanted = pattern(n, flags_of(n)), next = pattern(~n, flags_of(~n % FLAG_COMBINATIONS));
    require_registers(&found, &wanted, "a breakpoint");
    require(machine.eip, (u32)end_breakpoint, "where the traced program stopped");
    machine.eax = next.eax;
    machine.ecx = next.ecx;
    machine.edx = next.edx;
    machine.ebx = next.ebx;
    machine.ebp = next.ebp;
    machine.esi = next.esi;
    machine.edi = next.edi;
    machine.eflags = (machine.eflags & ~CHOSEN_FLAGS) | (next.eflags & CHOSEN_FLAGS);
    machine.original_eax = ~0u;
    require((u32)trace(PTRACE_SETREGS, child, 0, &machine), 0, "writing registers");
    require((u32)trace(PTRACE_POKEDATA, child, (u32)&word, (void *)(4321 + n)), 0, "writing memory");
    sum = mix(sum, found.edi);
  }
  /* Twenty system calls stop twice each; the last one ends the program. */
  u32 stops = 0;
  for (;;) {
    require((u32)trace(PTRACE_SYSCALL, child, 0, 0), 0, "ptrace");
    u32 status = wait_for(child);
    if (status == EXITED(9)) break;
    require(status, SIGTRAP << 8 | 0x7f, "how the traced program stopped");
    stops++;
  }
  require(stops, 41, "stops at system calls");
  return mix(sum, stops);
}

static volatile u32 steps;

static void count_step(int number, struct signal_info *info, struct user_context *context) {
  (void)number, (void)info;
  steps++;
  context->machine.eflags &= ~0x100u;
}

/* Steps of one instruction, where the processor has them: one emulator does not. */
u32 part_stepping(void) {
  set_handler(SIGTRAP, count_step, 0);
  __asm__ volatile("pushf; orl $0x100, (%%esp); popf; nop; nop; pushf; andl $~0x100, (%%esp); popf" : : : "memory", "cc");
  if (steps == 0) return 0;
  s32 child = system_call(SYS_fork);
  if (child == 0) {
    trace(PTRACE_TRACEME, 0, 0, 0);
    system_call(SYS_kill, system_call(SYS_getpid), SIGSTOP);
    struct registers found, in = pattern(7, flags_of(85));
    in.ecx = 500;
    with_registers(&in, &found, event_spin);
    in.ecx = 0;
    require_registers(&found, &in, "stepping");
    leave(9);
  }
  require(wait_for(child), SIGSTOP << 8 | 0x7f, "how the child waits for its tracer");
  u32 inside = 0, status;
  for (;;) {
    struct traced_registers machine;
    require((u32)trace(PTRACE_SINGLESTEP, child, 0, 0), 0, "ptrace");
    status = wait_for(child);
    if (status != (SIGTRAP << 8 | 0x7f)) break;
    trace(PTRACE_GETREGS, child, 0, &machine);
    inside += machine.eip == (u32)event_spin;
  }
  require(status, EXITED(9), "how the child ended");
  require(inside, 500, "steps in a loop of 500 rounds");
  return mix(mix(CHECKSUM_START, steps), inside);
}
