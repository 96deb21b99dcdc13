/* Signals between programs, to itself, and from timers; stopping, waiting, interrupted system calls. */
#include "workload.h"

static volatile u32 seen, alarms;

static void note(int number, struct signal_info *info, struct user_context *context) {
  (void)info, (void)context;
  seen = mix(seen, (u32)number);
}

static void note_alarm(int number, struct signal_info *info, struct user_context *context) {
  (void)number, (void)info, (void)context;
  alarms++;
}

static const u64 NONE = 0, ALL = ~0ull;

static void set_mask(const u64 *mask) { system_call(SYS_rt_sigprocmask, SIG_SETMASK, mask, 0, 8); }

/* A thousand signals to itself, delivered at once or held back; then ping-pong with a child. */
u32 part_signals(void) {
  u32 self = (u32)system_call(SYS_getpid);
  seen = CHECKSUM_START;
  set_handler(SIGUSR1, note, 0);
  set_handler(SIGUSR2, note, 0);
  for (u32 n = 0; n < 1000; n++) {
    gate = n % 2 == 0 ? interrupt_gate : vdso_gate;
    u32 before = seen;
    int number = n % 3 == 0 ? SIGUSR1 : SIGUSR2;
    if (n % 5 == 0) set_mask(&ALL);
    system_call(SYS_kill, self, number);
    if (n % 5 == 0) {
      require(seen, before, "what came while signals were held back");
      set_mask(&NONE);
    }
    require(seen, mix(before, (u32)number), "what the handler saw");
  }
  set_mask(&ALL);
  s32 child = system_call(SYS_fork);
  s32 other = child == 0 ? system_call(SYS_getppid) : child;
  u64 but_usr1 = ~(1ull << (SIGUSR1 - 1));
  for (u32 n = 0; n < 300; n++) {
    if (child != 0) system_call(SYS_kill, other, SIGUSR1);
    require((u32)system_call(SYS_rt_sigsuspend, &but_usr1, 8), (u32)-EINTR, "sigsuspend");
    if (child == 0) system_call(SYS_kill, other, SIGUSR1);
  }
  if (child == 0) leave(0);
  set_mask(&NONE);
  require(wait_for(child), 0, "the other player");

  /* One that nobody handles ends a program; one that cannot be handled, too. */
  static const int fatal[] = {SIGUSR1, SIGKILL, SIGSEGV, SIGPIPE};
  u32 sum = seen;
  for (u32 i = 0; i < 4; i++) {
    child = system_call(SYS_fork);
    if (child == 0) {
      struct signal_action standard = {0, 0, 0, 0};
      system_call(SYS_rt_sigaction, fatal[i], &standard, 0, 8);
      system_call(SYS_kill, system_call(SYS_getpid), fatal[i]);
      leave(0);
    }
    u32 status = wait_for(child);
    require(status & 0x7f, (u32)fatal[i], "the signal that ended a child");
    sum = mix(sum, status & 0x7f);
  }
  return sum;
}

/* A timer that goes off while the program computes, and while it sleeps. */
u32 part_alarms(void) {
  struct interval timer = {0, 5000, 0, 5000}, off = {0, 0, 0, 0};
  set_handler(SIGALRM, note_alarm, SA_RESTART);
  require((u32)system_call(SYS_setitimer, ITIMER_REAL, &timer, 0), 0, "setitimer");
  u32 seed = 1, sum = CHECKSUM_START, rounds = 0;
  while (alarms < 20) {
    for (u32 n = 0; n < 1000; n++) seed = next_random(seed);
    rounds += 1000;
  }
  u32 again = 1;
  for (u32 n = 0; n < rounds; n++) again = next_random(again);
  require(seed, again, "a computation under a timer");
  while (alarms < 40) {
    struct time_spec long_time = {10, 0};
    require((u32)system_call(SYS_nanosleep, &long_time, 0), (u32)-EINTR, "a sleep under a timer");
  }
  require((u32)system_call(SYS_setitimer, ITIMER_REAL, &off, 0), 0, "setitimer");
  return mix(sum, 20);
}

/* Stopped, seen to be stopped, continued. */
u32 part_stopping(void) {
  u32 sum = CHECKSUM_START, status;
  for (u32 n = 0; n < 20; n++) {
    s32 child = system_call(SYS_fork);
    if (child == 0) {
      system_call(SYS_kill, system_call(SYS_getpid), SIGSTOP);
      leave(n);
    }
    require((u32)system_call(SYS_wait4, child, &status, WUNTRACED, 0), (u32)child, "the stopped child");
    require(status, SIGSTOP << 8 | 0x7f, "the status of a stopped child");
    require((u32)system_call(SYS_wait4, child, &status, WNOHANG, 0), 0, "whether it ended meanwhile");
    system_call(SYS_kill, child, SIGCONT);
    require(wait_for(child), EXITED(n), "the status of a child that went on");
    sum = mix(sum, status);
  }
  return sum;
}

/* A read that a signal interrupts: refused, or restarted without the program's noticing. By both gates. */
u32 part_restarts(void) {
  u32 sum = CHECKSUM_START;
  seen = CHECKSUM_START;
  for (u32 n = 0; n < 8; n++) {
    s32 ends[2];
    u8 byte = 0;
    u32 restart = n / 2 % 2;
    gate = n % 2 == 0 ? interrupt_gate : vdso_gate;
    set_handler(SIGUSR1, note, restart != 0 ? SA_RESTART : 0);
    system_call(SYS_pipe, ends);
    s32 self = system_call(SYS_getpid);
    s32 child = system_call(SYS_fork);
    if (child == 0) {
      sleep_for(100);
      system_call(SYS_kill, self, SIGUSR1);
      sleep_for(100);
      byte = (u8)(n + 1);
      system_call(SYS_write, ends[1], &byte, 1);
      leave(0);
    }
    s32 count = system_call(SYS_read, ends[0], &byte, 1);
    if (restart == 0) {
      require((u32)count, (u32)-EINTR, "an interrupted read");
      count = system_call(SYS_read, ends[0], &byte, 1);
    }
    require((u32)count, 1, "a read behind a signal");
    require(byte, n + 1, "the byte read");
    require(wait_for(child), 0, "the sender");
    system_call(SYS_close, ends[0]);
    /* Nobody reads: refused when the signal is ignored. */
    struct signal_action ignore = {(signal_handler *)1, 0, 0, 0};
    system_call(SYS_rt_sigaction, SIGPIPE, &ignore, 0, 8);
    require((u32)system_call(SYS_write, ends[1], &byte, 1), (u32)-EPIPE, "a write that nobody reads");
    system_call(SYS_close, ends[1]);
    sum = mix(sum, (u32)count + byte);
  }
  return mix(sum, seen);
}

/* Sleeping and waiting with a limit: never shorter than asked; the clock never goes back. */
u32 part_sleeping(void) {
  u32 last = now();
  for (u32 n = 0; n < 20; n++) {
    sleep_for(n);
    u32 time = now();
    require(time - last + 1 >= n, 1, "whether a sleep took its time");
    last = time;
  }
  s32 ends[2];
  system_call(SYS_pipe, ends);
  struct poll_file readable = {ends[0], 1, 0};
  for (u32 n = 0; n < 10; n++) {
    require((u32)system_call(SYS_poll, &readable, 1, 10), 0, "what an empty pipe offers");
    u32 time = now();
    require(time - last + 1 >= 10, 1, "whether a wait took its time");
    last = time;
  }
  u32 word = 5;
  system_call(SYS_write, ends[1], &word, 4);
  require((u32)system_call(SYS_poll, &readable, 1, 60000), 1, "what a full pipe offers");
  for (u32 n = 0; n < 200000; n++) {
    if (n % 64 != 0) continue;
    u32 time = now();
    require((s32)(time - last) >= 0, 1, "whether the clock goes on");
    last = time;
  }
  return mix(CHECKSUM_START, readable.happened);
}
