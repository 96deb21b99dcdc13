/* What a kernel keeps for each program beside its registers: segments and floating point, across switches and handlers. */
#include "probe.h"

static u32 through_gs(void) {
  u32 value;
  __asm__ volatile("movl %%gs:0, %0" : "=r"(value));
  return value;
}

static u32 through_fs(void) {
  u32 value;
  __asm__ volatile("movl %%fs:0, %0" : "=r"(value));
  return value;
}

static void clobber_segments(int number, struct signal_info *info, struct user_context *context) {
  (void)number, (void)info, (void)context;
  __asm__ volatile("movl %0, %%fs; movl %0, %%gs" : : "r"(0));
}

/* A thread's segment in GS, one of the process' own table in FS; both programs have other bases in them. */
u32 part_segments(void) {
  u32 sum = CHECKSUM_START;
  set_handler(SIGUSR1, clobber_segments, 0);
  s32 child = system_call(SYS_fork);
  u32 salt = child == 0 ? 0x1000 : 0x2000;
  u32 in_gs = 0, in_fs = 0;
  struct segment thread = {~0u, (u32)&in_gs, 0xfffff, SEGMENT_32BIT | SEGMENT_LIMIT_IN_PAGES | SEGMENT_USEABLE};
  struct segment own = {0, (u32)&in_fs, 0xfffff, SEGMENT_32BIT | SEGMENT_LIMIT_IN_PAGES | SEGMENT_USEABLE};
  require((u32)system_call(SYS_set_thread_area, &thread), 0, "set_thread_area");
  require((u32)system_call(SYS_modify_ldt, 1, &own, sizeof own), 0, "modify_ldt");
  u32 gs = thread.entry * 8 + 3, fs = own.entry * 8 + 7;
  __asm__ volatile("movl %0, %%gs; movl %1, %%fs" : : "r"(gs), "r"(fs));
  u32 self = (u32)system_call(SYS_getpid);
  for (u32 n = 0; n < 1000; n++) {
    in_gs = salt + n;
    in_fs = salt - n;
    gate = n % 2 == 0 ? interrupt_gate : vdso_gate;
    system_call(n % 3 == 0 ? SYS_sched_yield : SYS_getpid);
    if (n % 10 == 0) system_call(SYS_kill, self, SIGUSR1);
    if (n % 100 == 0) {
      s32 grandchild = system_call(SYS_fork);
      if (grandchild == 0) {
        require(through_gs(), salt + n, "a child's GS");
        require(through_fs(), salt - n, "a child's FS");
        leave(0);
      }
      require(wait_for(grandchild), 0, "a grandchild");
    }
    require(through_gs(), salt + n, "what GS points to");
    require(through_fs(), salt - n, "what FS points to");
    sum = mix(sum, through_gs() + through_fs());
  }
  __asm__ volatile("movl %0, %%gs; movl %0, %%fs" : : "r"(0));
  if (child == 0) leave(0);
  require(wait_for(child), 0, "the other program");
  return mix(sum, fs);
}

static struct floating floating_pattern(u32 seed) {
  struct floating made = {.control = (u16)(0x37f | (seed & 3) << 10), .unused = 0, .mxcsr = 0x1f80 | (seed >> 2 & 3) << 13};
  for (u32 i = 0; i < 8; i++) {
    for (u32 j = 0; j < 16; j++) made.xmm[i][j] = (u8)((seed = next_random(seed)) >> 24);
    for (u32 j = 0; j < 10; j++) made.x87[i][j] = (u8)((seed = next_random(seed)) >> 24);
    /* A normal number: its exponent neither all zeros nor all ones, its integer bit set. */
    made.x87[i][7] |= 0x80;
    made.x87[i][8] |= 1;
    made.x87[i][9] = (u8)((made.x87[i][9] & 0xbf) | 0x20);
  }
  return made;
}

static void require_floating(const struct floating *found, const struct floating *wanted) {
  require(found->control, wanted->control, "the x87 control word");
  require(found->mxcsr, wanted->mxcsr, "MXCSR");
  for (u32 i = 0; i < 8; i++) {
    for (u32 j = 0; j < 16; j++) require(found->xmm[i][j], wanted->xmm[i][j], "an XMM register");
    for (u32 j = 0; j < 10; j++) require(found->x87[i][j], wanted->x87[i][j], "an x87 register");
  }
}

static void clobber_floating(int number, struct signal_info *info, struct user_context *context) {
  (void)info, (void)context;
  struct floating other = floating_pattern((u32)number), after;
  with_floating(&other, &after, event_none);
  require_floating(&after, &other);
}

static void hold_and_yield(void) { system_call(SYS_sched_yield); }
static void hold_and_sleep(void) { sleep_for(1); }
static void hold_and_signal(void) { system_call(SYS_kill, system_call(SYS_getpid), SIGUSR1); }
static void hold_and_fork(void) {
  s32 child = system_call(SYS_fork);
  if (child == 0) leave(7);
  require(wait_for(child), EXITED(7), "the child");
}
static void hold_and_spin(void) {
  for (u32 n = 0; n < 300000; n++) __asm__ volatile("" : : : "memory");
}

/* Three programs whose x87 and XMM registers differ, switched by themselves and by the timer. */
u32 part_floating(void) {
  static event *const holds[] = {hold_and_yield, hold_and_spin, hold_and_signal, hold_and_fork, hold_and_yield, hold_and_sleep};
  set_handler(SIGUSR1, clobber_floating, 0);
  s32 children[2];
  u32 salt = 0;
  for (u32 i = 0; i < 2; i++) {
    children[i] = system_call(SYS_fork);
    if (children[i] == 0) {
      salt = 0x1111 * (i + 1);
      break;
    }
  }
  u32 sum = CHECKSUM_START;
  for (u32 n = 0; n < 120; n++) {
    struct floating in = floating_pattern(n ^ salt), found;
    with_floating(&in, &found, holds[n % 6]);
    require_floating(&found, &in);
    sum = mix(sum, found.xmm[n % 8][3] | (u32)found.x87[n % 8][5] << 8);
  }
  if (salt != 0) leave(0);
  for (u32 i = 0; i < 2; i++) require(wait_for(children[i]), 0, "another program");
  return sum;
}
