/* Processes, pipes and threads. */
#include "workload.h"

enum { FORKS = 300 };

/* Three hundred children, each another program with arguments of its own; their exit codes add up. */
u32 part_forks(void) {
  u32 sum = CHECKSUM_START, codes = 0;
  for (u32 n = 0; n < FORKS; n++) {
    gate = n % 2 == 0 ? vdso_gate : interrupt_gate;
    s32 child = system_call(SYS_fork);
    if (child == 0) {
      char code[4] = {(char)('0' + n / 100), (char)('0' + n / 10 % 10), (char)('0' + n % 10), 0};
      char *arguments[] = {"workload", "child", code, NULL};
      system_call(SYS_execve, "/proc/self/exe", arguments, environment);
      leave(255);
    }
    u32 status = wait_for(child);
    require(status, EXITED(n & 0xff), "the exit code of a child");
    codes += status >> 8;
    sum = mix(sum, status);
  }
  require(codes, 255 * 256 / 2 + 43 * 44 / 2, "the sum of the exit codes");
  /* A tree: every process but the leaves has two children. */
  u32 depth = 0, left = 0;
  for (; depth < 5; depth++) {
    s32 first = system_call(SYS_fork);
    if (first == 0) continue;
    s32 second = system_call(SYS_fork);
    if (second == 0) continue;
    left = (wait_for(first) >> 8) + (wait_for(second) >> 8);
    break;
  }
  if (depth == 5) leave(1);
  if (depth > 0) leave(left);
  require(left, 32, "the leaves of a tree of processes");
  return mix(sum, left);
}

enum { PIPE_BYTES = 4 << 20, CHUNK = 10007 };

static void make_pipe(s32 ends[2]) { require((u32)system_call(SYS_pipe, ends), 0, "pipe"); }

static void write_all(s32 file, const u8 *bytes, u32 count) {
  while (count > 0) {
    s32 written = system_call(SYS_write, file, bytes, count);
    require(written > 0, 1, "whether a write got anywhere");
    bytes += written;
    count -= (u32)written;
  }
}

/* Four megabytes from a child through a second one that complements them, in pieces that fit nothing. */
u32 part_pipes(void) {
  static u8 bytes[CHUNK];
  s32 first[2], second[2];
  make_pipe(first);
  s32 writer = system_call(SYS_fork);
  if (writer == 0) {
    u32 seed = 1;
    for (u32 done = 0; done < PIPE_BYTES;) {
      u32 count = 1 + seed % CHUNK;
      if (count > PIPE_BYTES - done) count = PIPE_BYTES - done;
      for (u32 i = 0; i < count; i++) bytes[i] = (u8)((seed = next_random(seed)) >> 16);
      write_all(first[1], bytes, count);
      done += count;
    }
    leave(0);
  }
  make_pipe(second);
  s32 filter = system_call(SYS_fork);
  if (filter == 0) {
    system_call(SYS_close, first[1]);
    for (s32 count; (count = system_call(SYS_read, first[0], bytes, CHUNK)) > 0;) {
      for (s32 i = 0; i < count; i++) bytes[i] = (u8)~bytes[i];
      write_all(second[1], bytes, (u32)count);
    }
    leave(0);
  }
  system_call(SYS_close, first[0]);
  system_call(SYS_close, first[1]);
  system_call(SYS_close, second[1]);
  u32 sum = CHECKSUM_START, total = 0;
  for (s32 count; (count = system_call(SYS_read, second[0], bytes, 4093)) > 0; total += (u32)count)
    for (s32 i = 0; i < count; i++) sum = mix(sum, bytes[i]);
  require(total, PIPE_BYTES, "the bytes that came");
  require(wait_for(writer), 0, "the writer");
  require(wait_for(filter), 0, "the filter");
  return sum;
}

enum { THREADS = 4, ROUNDS = 2000, THREAD_STACK = 8 * PAGE };
static const u32 THREAD_FLAGS = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                                CLONE_SETTLS | CLONE_CHILD_CLEARTID;

static volatile u32 lock, shared, atomic;
static volatile u32 alive[THREADS], results[THREADS];
static u32 storage[THREADS];

static u32 exchange(volatile u32 *at, u32 value) {
  __asm__ volatile("xchg %0, %1" : "+r"(value), "+m"(*at) : : "memory");
  return value;
}

static void acquire(void) {
  /* 0 free, 1 held, 2 held and waited for. */
  u32 found = 0;
  __asm__ volatile("lock cmpxchg %2, %1" : "+a"(found), "+m"(lock) : "r"(1) : "memory");
  if (found == 0) return;
  while (exchange(&lock, 2) != 0) system_call(SYS_futex, &lock, FUTEX_WAIT, 2, 0);
}

static void release(void) {
  if (exchange(&lock, 0) == 2) system_call(SYS_futex, &lock, FUTEX_WAKE, 1);
}

static void thread(u32 number) {
  u32 sum = CHECKSUM_START;
  for (u32 n = 0; n < ROUNDS; n++) {
    acquire();
    u32 value = shared;
    if (n % 8 == number) system_call(SYS_sched_yield);
    shared = value + number + 1;
    release();
    __asm__ volatile("lock incl %0" : "+m"(atomic));
    u32 own;
    __asm__ volatile("movl %%gs:0, %0" : "=r"(own));
    require(own, number * 0x01010101, "a thread's own storage");
    sum = mix(sum, own + n);
  }
  results[number] = sum;
}

/* Threads that share a counter under a lock that waits in the kernel, each with storage behind GS. */
u32 part_threads(void) {
  u8 *stacks = map_memory(THREADS * THREAD_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  u32 entry = ~0u;
  for (u32 n = 0; n < THREADS; n++) {
    storage[n] = n * 0x01010101;
    struct segment own = {entry, (u32)&storage[n], 0xfffff, SEGMENT_32BIT | SEGMENT_LIMIT_IN_PAGES | SEGMENT_USEABLE};
    if (n == 0) {
      require((u32)system_call(SYS_set_thread_area, &own), 0, "set_thread_area");
      entry = own.entry;
      /* A child starts with its parent's GS. */
      __asm__ volatile("movl %0, %%gs" : : "r"(entry * 8 + 3));
    }
    own.entry = entry;
    alive[n] = 1;
    s32 id = start_thread(THREAD_FLAGS, (u32 *)(stacks + (n + 1) * THREAD_STACK), (u32 *)&alive[n], &own, thread, n);
    require(id > 0, 1, "whether a thread started");
  }
  u32 sum = CHECKSUM_START;
  for (u32 n = 0; n < THREADS; n++) {
    while (alive[n] != 0) system_call(SYS_futex, &alive[n], FUTEX_WAIT, alive[n], 0);
    sum = mix(sum, results[n]);
  }
  require(shared, ROUNDS * (1 + 2 + 3 + 4), "the counter under the lock");
  require(atomic, ROUNDS * THREADS, "the counter without a lock");
  return mix(sum, shared);
}
