/*
 * How much the time stamp counter moves over rounds of one kind of work. Where the counter counts instructions (QEMU's
 * `-icount shift=0`), that is the number of instructions that the work takes, the kernel's included.
 *
 *   microbench: NAME ROUNDS rounds COUNTS counts
 *
 * Each kind runs once before it is counted, so that its pages are there. None of them waits for anything but another
 * program that runs, so the processor is never idle.
 */
#include "workload.h"

static u32 counter(void) {
  u32 low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
  return low;
}

static void system_calls(u32 rounds) {
  for (u32 n = 0; n < rounds; n++) system_call(SYS_getppid);
}

static void system_calls_by_interrupt(u32 rounds) {
  void (*usual)(void) = gate;
  gate = interrupt_gate;
  system_calls(rounds);
  gate = usual;
}

static void forks(u32 rounds) {
  for (u32 n = 0; n < rounds; n++) {
    s32 child = system_call(SYS_fork);
    if (child == 0) leave(0);
    wait_for(child);
  }
}

static void execs(u32 rounds) {
  static char *arguments[] = {"workload", "child", "0", NULL};
  for (u32 n = 0; n < rounds; n++) {
    s32 child = system_call(SYS_fork);
    if (child == 0) {
      system_call(SYS_execve, "/proc/self/exe", arguments, environment);
      leave(1);
    }
    wait_for(child);
  }
}

static u8 *area;

static void page_faults(u32 rounds) {
  system_call(SYS_madvise, area, rounds * PAGE, MADV_DONTNEED);
  for (u32 n = 0; n < rounds; n++) *(volatile u8 *)(area + n * PAGE) = 1;
}

static void mappings(u32 rounds) {
  for (u32 n = 0; n < rounds; n++) {
    u8 *mapped = map_memory(4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    *(volatile u8 *)mapped = 1;
    system_call(SYS_munmap, mapped, 4 * PAGE);
  }
}

static s32 there[2], back[2];

/* A byte to another program and one back: two switches per round. */
static void switches(u32 rounds) {
  u8 byte = 0;
  s32 child = system_call(SYS_fork);
  if (child == 0) {
    for (u32 n = 0; n < rounds; n++) {
      system_call(SYS_read, there[0], &byte, 1);
      system_call(SYS_write, back[1], &byte, 1);
    }
    leave(0);
  }
  for (u32 n = 0; n < rounds; n++) {
    system_call(SYS_write, there[1], &byte, 1);
    system_call(SYS_read, back[0], &byte, 1);
  }
  wait_for(child);
}

/* Pages through a pipe. */
static void pipe_pages(u32 rounds) {
  static u8 bytes[PAGE];
  s32 child = system_call(SYS_fork);
  if (child == 0) {
    for (u32 left = rounds * PAGE; left > 0;) {
      s32 count = system_call(SYS_read, there[0], bytes, PAGE);
      if (count <= 0) leave(1);
      left -= (u32)count;
    }
    leave(0);
  }
  for (u32 n = 0; n < rounds; n++) system_call(SYS_write, there[1], bytes, PAGE);
  wait_for(child);
}

static volatile u32 handled;

static void count_signal(int number, struct signal_info *info, struct user_context *context) {
  (void)number, (void)info, (void)context;
  handled++;
}

static void signals(u32 rounds) {
  s32 self = system_call(SYS_getpid);
  for (u32 n = 0; n < rounds; n++) system_call(SYS_kill, self, SIGUSR1);
}

static void computation(u32 rounds) {
  u32 seed = 1;
  for (u32 n = 0; n < rounds * 100; n++) seed = next_random(seed) ^ seed >> 7;
  require(seed != 0, 1, "a computation");
}

void microbenchmarks(u32 scale) {
  static const struct {
    const char *name;
    void (*work)(u32 rounds);
    u32 rounds;
  } KINDS[] = {
      {"system-call", system_calls, 10000},
      {"system-call-int80", system_calls_by_interrupt, 10000},
      {"signal", signals, 2000},
      {"page-fault", page_faults, 2000},
      {"mmap", mappings, 1000},
      {"fork", forks, 100},
      {"exec", execs, 100},
      {"context-switch", switches, 2000},
      {"pipe-page", pipe_pages, 2000},
      {"computation", computation, 100000},
  };
  part = "microbench";
  area = map_memory(2000 * scale * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  system_call(SYS_pipe, there);
  system_call(SYS_pipe, back);
  set_handler(SIGUSR1, count_signal, 0);
  for (u32 i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
    u32 rounds = KINDS[i].rounds * scale;
    KINDS[i].work(rounds / 10);
    u32 start = counter();
    KINDS[i].work(rounds);
    u32 end = counter();
    print("microbench: %s %u rounds %u counts\n", KINDS[i].name, rounds, end - start);
  }
  print("microbench: done\n");
}
