/* Text, checks, and the system calls that several parts make. */
#include <stdarg.h>

#include "workload.h"

void (*gate)(void) = interrupt_gate;
void (*vdso_gate)(void) = interrupt_gate;
char **environment;
const char *part = "start";

void return_from_handler(void);

void print(const char *format, ...) {
  /* One write per line: lines of several processes do not mix. */
  char line[256];
  u32 length = 0;
  va_list arguments;
  va_start(arguments, format);
  for (; *format != 0 && length < sizeof line - 40; format++) {
    if (*format != '%') {
      line[length++] = *format;
      continue;
    }
    format++;
    if (*format == 's') {
      for (const char *text = va_arg(arguments, const char *); *text != 0 && length < sizeof line - 40; text++)
        line[length++] = *text;
    } else {
      u32 value = va_arg(arguments, u32);
      u32 base = *format == 'x' ? 16 : 10;
      char digits[10];
      u32 count = 0;
      do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
      } while (value != 0 || (base == 16 && count < 8));
      while (count > 0) line[length++] = digits[--count];
    }
  }
  va_end(arguments);
  for (u32 done = 0; done < length;) {
    s32 written = system_call(SYS_write, 1, line + done, length - done);
    if (written <= 0) break;
    done += (u32)written;
  }
}

void require(u32 found, u32 wanted, const char *what) {
  if (found == wanted) return;
  print("workload: %s failed: %s is %x instead of %x\n", part, what, found, wanted);
  leave(1);
}

void leave(u32 code) {
  for (;;) system_call(SYS_exit_group, code);
}

u32 wait_for(s32 child) {
  u32 status = 0;
  s32 found;
  do found = system_call(SYS_wait4, child, &status, 0, 0);
  while (found == -EINTR);
  require((u32)found, (u32)child, "the child waited for");
  return status;
}

void set_handler(int number, signal_handler *handler, u32 flags) {
  struct signal_action action = {handler, flags | SA_SIGINFO | SA_RESTORER, return_from_handler, 0};
  require((u32)system_call(SYS_rt_sigaction, number, &action, 0, 8), 0, "sigaction");
}

void *map_memory(u32 bytes, u32 protection, u32 flags) {
  s32 address = system_call(SYS_mmap2, 0, bytes, protection, flags | MAP_ANONYMOUS, -1, 0);
  require((u32)address & (PAGE - 1), 0, "the address of a mapping within its page");
  return (void *)address;
}

void sleep_for(u32 milliseconds) {
  struct time_spec rest = {(s32)(milliseconds / 1000), (s32)(milliseconds % 1000 * 1000000)};
  while (system_call(SYS_nanosleep, &rest, &rest) == -EINTR) {
  }
}

u32 now(void) {
  struct time_spec time;
  require((u32)system_call(SYS_clock_gettime, CLOCK_MONOTONIC, &time), 0, "clock_gettime");
  return (u32)time.seconds * 1000 + (u32)time.nanoseconds / 1000000;
}

/* The compiler may call these for structures. */
void *memcpy(void *to, const void *from, size_t bytes) {
  void *start = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
  return start;
}

void *memset(void *to, int value, size_t bytes) {
  void *start = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
  return start;
}
