/* What the programs use of i386 Linux: system call numbers, structures, constants (arch/x86/entry/syscalls/syscall_32.tbl, uapi headers). */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef int32_t s32;
typedef uint64_t u64;

enum system_calls {
  SYS_fork = 2,
  SYS_read = 3,
  SYS_write = 4,
  SYS_open = 5,
  SYS_close = 6,
  SYS_execve = 11,
  SYS_getpid = 20,
  SYS_ptrace = 26,
  SYS_kill = 37,
  SYS_pipe = 42,
  SYS_brk = 45,
  SYS_getppid = 64,
  SYS_munmap = 91,
  SYS_setitimer = 104,
  SYS_wait4 = 114,
  SYS_sigreturn = 119,
  SYS_clone = 120,
  SYS_modify_ldt = 123,
  SYS_mprotect = 125,
  SYS_sched_yield = 158,
  SYS_nanosleep = 162,
  SYS_mremap = 163,
  SYS_poll = 168,
  SYS_rt_sigreturn = 173,
  SYS_rt_sigaction = 174,
  SYS_rt_sigprocmask = 175,
  SYS_rt_sigsuspend = 179,
  SYS_sigaltstack = 186,
  SYS_mmap2 = 192,
  SYS_madvise = 219,
  SYS_gettid = 224,
  SYS_futex = 240,
  SYS_set_thread_area = 243,
  SYS_exit_group = 252,
  SYS_clock_gettime = 265,
  SYS_exit = 1,
};

enum { EINTR = 4, EFAULT = 14, EPIPE = 32, ENOSYS = 38 };

enum {
  SIGILL = 4,
  SIGTRAP = 5,
  SIGBUS = 7,
  SIGFPE = 8,
  SIGKILL = 9,
  SIGUSR1 = 10,
  SIGSEGV = 11,
  SIGUSR2 = 12,
  SIGPIPE = 13,
  SIGALRM = 14,
  SIGCHLD = 17,
  SIGCONT = 18,
  SIGSTOP = 19,
};

enum { SIG_BLOCK = 0, SIG_SETMASK = 2 };
enum {
  SA_SIGINFO = 4,
  SA_RESTORER = 0x04000000,
  SA_ONSTACK = 0x08000000,
  SA_RESTART = 0x10000000,
  SA_NODEFER = 0x40000000,
};

/* What a handler sees of the interrupted program, and may change. */
struct signal_context {
  u16 gs, gs_high, fs, fs_high, es, es_high, ds, ds_high;
  u32 edi, esi, ebp, esp, ebx, edx, ecx, eax;
  u32 trap, error, eip;
  u16 cs, cs_high;
  u32 eflags, esp_at_signal;
  u16 ss, ss_high;
  u32 fpu, old_mask, cr2;
};

struct user_context {
  u32 flags, link;
  u32 stack, stack_flags, stack_size;
  struct signal_context machine;
  u64 mask;
};

struct signal_info {
  s32 number, error, code;
  u32 fields[29];
};

typedef void signal_handler(int number, struct signal_info *info, struct user_context *context);

struct signal_action {
  signal_handler *handler;
  u32 flags;
  void (*restorer)(void);
  u64 mask;
};

enum { CPU_TRAP_DIVIDE = 0, CPU_TRAP_BREAKPOINT = 3, CPU_TRAP_INVALID = 6, CPU_TRAP_PROTECTION = 13, CPU_TRAP_PAGE = 14 };
enum { PAGE_ERROR_PRESENT = 1, PAGE_ERROR_WRITE = 2, PAGE_ERROR_USER = 4 };

enum { PROT_NONE = 0, PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4 };
enum { MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20, MAP_NORESERVE = 0x4000 };
enum { MREMAP_MAYMOVE = 1, MADV_DONTNEED = 4 };

enum {
  CLONE_VM = 0x100,
  CLONE_FS = 0x200,
  CLONE_FILES = 0x400,
  CLONE_SIGHAND = 0x800,
  CLONE_THREAD = 0x10000,
  CLONE_SYSVSEM = 0x40000,
  CLONE_SETTLS = 0x80000,
  CLONE_CHILD_CLEARTID = 0x200000,
};
enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1 };
enum { WNOHANG = 1, WUNTRACED = 2 };
enum { CLOCK_MONOTONIC = 1, ITIMER_REAL = 0 };
enum { PTRACE_TRACEME = 0, PTRACE_PEEKDATA = 2, PTRACE_POKEDATA = 5, PTRACE_CONT = 7, PTRACE_SINGLESTEP = 9 };
enum { PTRACE_GETREGS = 12, PTRACE_SETREGS = 13, PTRACE_SYSCALL = 24 };

struct traced_registers {
  u32 ebx, ecx, edx, esi, edi, ebp, eax, ds, es, fs, gs, original_eax, eip, cs, eflags, esp, ss;
};

/* A segment of a thread (set_thread_area) or of a process' own table (modify_ldt). */
struct segment {
  u32 entry, base, limit, flags;
};
enum { SEGMENT_32BIT = 1, SEGMENT_LIMIT_IN_PAGES = 16, SEGMENT_USEABLE = 64 };

struct time_spec {
  s32 seconds, nanoseconds;
};
struct interval {
  s32 interval_seconds, interval_microseconds, seconds, microseconds;
};
struct poll_file {
  s32 file;
  u16 events, happened;
};

enum { AT_NULL = 0, AT_PAGESZ = 6, AT_SYSINFO = 32 };
#define PAGE 4096u
