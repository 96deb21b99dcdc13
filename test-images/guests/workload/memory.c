/* Pages: faults by the thousand, copies on write, protection, the stack, mappings that move. */
#include "probe.h"

enum { STORM = 4096 };

static u32 word_of(u32 page, u32 salt) { return next_random(page * 2654435761u ^ salt); }

/* Touches page after page, twice as many as a TLB holds, and gives them back; three times over the same addresses. */
u32 part_faults(void) {
  u32 sum = CHECKSUM_START;
  for (u32 round = 0; round < 3; round++) {
    u8 *area = map_memory(STORM * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    for (u32 n = 0; n < STORM; n++) {
      volatile u32 *word = (volatile u32 *)(area + n * PAGE + n % 1024 * 4);
      require(*word, 0, "a fresh page");
      *word = word_of(n, round);
    }
    for (u32 n = STORM; n-- > 0;) {
      u32 value = *(volatile u32 *)(area + n * PAGE + n % 1024 * 4);
      require(value, word_of(n, round), "a page's word");
      sum = mix(sum, value);
    }
    require((u32)system_call(SYS_madvise, area, STORM / 2 * PAGE, MADV_DONTNEED), 0, "madvise");
    for (u32 n = 0; n < STORM; n += 7)
      require(*(volatile u32 *)(area + n * PAGE + n % 1024 * 4), n < STORM / 2 ? 0 : word_of(n, round), "a page given back");
    require((u32)system_call(SYS_munmap, area, STORM * PAGE), 0, "munmap");
  }
  /* The heap, up and down. */
  u32 start = (u32)system_call(SYS_brk, 0);
  for (u32 n = 1; n <= 64; n++) {
    require((u32)system_call(SYS_brk, start + n * 4 * PAGE), start + n * 4 * PAGE, "the end of the heap");
    *(volatile u32 *)(start + n * 4 * PAGE - 4) = n;
  }
  for (u32 n = 1; n <= 64; n++) require(*(volatile u32 *)(start + n * 4 * PAGE - 4), n, "a word of the heap");
  require((u32)system_call(SYS_brk, start), start, "the end of the heap");
  return sum;
}

/* After a fork both sides write: neither sees the other's words; what is shared both see. */
u32 part_copies(void) {
  enum { PAGES = 1024 };
  u8 *own = map_memory(PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  volatile u32 *common = map_memory(PAGES * 4, PROT_READ | PROT_WRITE, MAP_SHARED);
  for (u32 n = 0; n < PAGES; n++) *(volatile u32 *)(own + n * PAGE) = word_of(n, 0);
  u32 sum = CHECKSUM_START;
  for (u32 round = 1; round <= 4; round++) {
    s32 child = system_call(SYS_fork);
    u32 mine = child == 0 ? round : 0;
    for (u32 n = 0; n < PAGES; n++) {
      volatile u32 *word = (volatile u32 *)(own + n * PAGE);
      require(*word, word_of(n, 0), "a page before it is written");
      if (child == 0 ? n % 3 == 0 : n % 5 == 0) *word = word_of(n, mine);
      if (child == 0) common[n] = word_of(n, round + 100);
      if (n % 100 == 0) system_call(SYS_sched_yield);
    }
    u32 seen = CHECKSUM_START;
    for (u32 n = 0; n < PAGES; n++) {
      u32 value = *(volatile u32 *)(own + n * PAGE);
      require(value, word_of(n, child == 0 && n % 3 == 0 ? mine : 0), "a page of one's own");
      seen = mix(seen, value);
    }
    if (child == 0) {
      common[0] = seen;
      leave(0);
    }
    require(wait_for(child), 0, "the child that writes");
    for (u32 n = 1; n < PAGES; n++) require(common[n], word_of(n, round + 100), "a shared word");
    sum = mix(mix(sum, seen), common[0]);
  }
  return sum;
}

static u8 *guarded;
static volatile u32 opened;

/* Opens the page that was touched, for reading first; the instruction is tried again. */
static void open_page(int number, struct signal_info *info, struct user_context *context) {
  (void)number;
  u32 page = info->fields[0] & ~(PAGE - 1);
  require(context->machine.cr2, info->fields[0], "the address of a fault");
  u32 writing = context->machine.error & PAGE_ERROR_WRITE;
  require((u32)system_call(SYS_mprotect, page, PAGE, writing != 0 ? PROT_READ | PROT_WRITE : PROT_READ), 0, "mprotect");
  opened++;
}

u32 part_protection(void) {
  enum { PAGES = 256 };
  set_handler(SIGSEGV, open_page, 0);
  guarded = map_memory(PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  u32 sum = CHECKSUM_START;
  for (u32 round = 0; round < 4; round++) {
    for (u32 n = 0; n < PAGES; n++) *(volatile u32 *)(guarded + n * PAGE) = word_of(n, round);
    require((u32)system_call(SYS_mprotect, guarded, PAGES * PAGE, PROT_NONE), 0, "mprotect");
    opened = 0;
    for (u32 n = 0; n < PAGES; n++) {
      volatile u32 *word = (volatile u32 *)(guarded + n * PAGE);
      if (n % 2 == 0) sum = mix(sum, *word); /* read, then written: opened twice */
      *word += n;
    }
    require(opened, PAGES * 2, "how often pages were opened");
    for (u32 n = 0; n < PAGES; n++)
      require(*(volatile u32 *)(guarded + n * PAGE), word_of(n, round) + n, "a page behind its protection");
    /* The kernel's own accesses are refused, not repaired. */
    require((u32)system_call(SYS_mprotect, guarded, PAGE, PROT_NONE), 0, "mprotect");
    s32 ends[2];
    system_call(SYS_pipe, ends);
    require((u32)system_call(SYS_write, ends[1], guarded, 16), (u32)-EFAULT, "a write from a closed page");
    require((u32)system_call(SYS_write, ends[1], 0xc0100000, 16), (u32)-EFAULT, "a write from the kernel's memory");
    system_call(SYS_close, ends[0]);
    system_call(SYS_close, ends[1]);
    require((u32)system_call(SYS_mprotect, guarded, PAGES * PAGE, PROT_READ | PROT_WRITE), 0, "mprotect");
  }
  return sum;
}

/* 1 KiB of stack per level; the compiler must not make a loop of it. */
static __attribute__((noinline)) u32 descend(u32 levels) {
  volatile u32 words[256];
  words[0] = words[255] = levels;
  u32 below = levels == 0 ? CHECKSUM_START : descend(levels - 1);
  require(words[0] ^ words[255], 0, "a word of the stack");
  return mix(below, words[0]);
}

static void overflowed(int number, struct signal_info *info, struct user_context *context) {
  (void)info;
  u32 here = (u32)&number, far = context->machine.esp;
  leave(here - far > 1 << 20 && far - here > 1 << 20 ? 42 : 1);
}

/* The stack grows by faults; where it may not, a handler on another stack hears of it. */
u32 part_stack(void) {
  u32 sum = descend(4000);
  s32 child = system_call(SYS_fork);
  if (child == 0) {
    struct {
      void *start;
      u32 flags, size;
    } other = {map_memory(4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE), 0, 4 * PAGE};
    require((u32)system_call(SYS_sigaltstack, &other, 0), 0, "sigaltstack");
    set_handler(SIGSEGV, overflowed, SA_ONSTACK);
    leave(descend(~0u) & 0); /* four terabytes */
  }
  u32 status = wait_for(child);
  require(status, EXITED(42), "how an overflow ended");
  return mix(sum, status);
}

/* Mappings that are split, moved and cut; contents go with them. */
u32 part_mappings(void) {
  enum { PAGES = 32 };
  u32 sum = CHECKSUM_START;
  for (u32 round = 0; round < 50; round++) {
    u8 *area = map_memory(PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    for (u32 n = 0; n < PAGES; n++) *(volatile u32 *)(area + n * PAGE) = word_of(n, round);
    for (u32 n = 1; n < PAGES; n += 2) require((u32)system_call(SYS_mprotect, area + n * PAGE, PAGE, PROT_READ), 0, "mprotect");
    u32 hole = round % (PAGES - 2) + 1;
    require((u32)system_call(SYS_munmap, area + hole * PAGE, PAGE), 0, "munmap");
    u8 *rest = area + (hole + 1) * PAGE;
    s32 moved = system_call(SYS_mremap, rest, PAGE, 64 * PAGE, MREMAP_MAYMOVE, 0);
    require((u32)moved & (PAGE - 1), 0, "the address of a moved mapping within its page");
    sum = mix(sum, *(volatile u32 *)moved);
    require(*(volatile u32 *)moved, word_of(hole + 1, round), "a word of a moved mapping");
    require((u32)system_call(SYS_munmap, moved, 64 * PAGE), 0, "munmap");
    for (u32 n = 0; n < hole; n++) require(*(volatile u32 *)(area + n * PAGE), word_of(n, round), "a word before the hole");
    require((u32)system_call(SYS_munmap, area, PAGES * PAGE), 0, "munmap");
  }
  return sum;
}
