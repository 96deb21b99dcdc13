/*
 * A program that uses a kernel in every way that a kernel notices, and prints what it saw:
 *
 *   workload                     every part:  workload: PART ok CHECKSUM   and at the end   workload: done
 *   workload PART...             those parts
 *   workload microbench SCALE    time stamp counts of system calls, forks, faults and the rest
 *   workload child CODE          for the parts: ends with that code
 *
 * The lines depend on neither machine, time nor order of events; a part that finds anything else than it must says so
 * and fails. Parts run in processes of their own, so that one that is killed is told by its signal.
 *
 * No C library: what is between a system call and its check is this code alone.
 */
#include "workload.h"

static const struct {
  const char *name;
  u32 (*run)(void);
} PARTS[] = {
    {"registers", part_registers}, {"exceptions", part_exceptions}, {"privileged", part_privileged},
    {"segments", part_segments},   {"interrupts", part_interrupts}, {"floating", part_floating},
    {"forks", part_forks},         {"pipes", part_pipes},           {"threads", part_threads},
    {"signals", part_signals},     {"alarms", part_alarms},         {"stopping", part_stopping},
    {"restarts", part_restarts},   {"faults", part_faults},         {"copies", part_copies},
    {"protection", part_protection}, {"stack", part_stack},         {"mappings", part_mappings},
    {"sleeping", part_sleeping},   {"tracing", part_tracing},       {"stepping", part_stepping},
};
enum { PART_COUNT = sizeof PARTS / sizeof PARTS[0] };

static int same(const char *a, const char *b) {
  for (; *a == *b; a++, b++)
    if (*a == 0) return 1;
  return 0;
}

static u32 number(const char *text) {
  u32 value = 0;
  for (; *text >= '0' && *text <= '9'; text++) value = value * 10 + (u32)(*text - '0');
  return value;
}

/* 1 if it failed. */
static u32 run_part(u32 which) {
  part = PARTS[which].name;
  s32 child = system_call(SYS_fork);
  if (child == 0) {
    print("workload: %s ok %x\n", part, PARTS[which].run());
    leave(0);
  }
  u32 status = wait_for(child);
  if (status == 0) return 0;
  if ((status & 0x7f) != 0) print("workload: %s failed: killed by signal %u\n", part, status & 0x7f);
  return 1;
}

void start(u32 *stack) {
  u32 count = stack[0];
  char **arguments = (char **)(stack + 1);
  environment = arguments + count + 1;
  u32 *auxiliary = (u32 *)environment;
  while (*auxiliary++ != 0) {
  }
  for (; auxiliary[0] != AT_NULL; auxiliary += 2)
    if (auxiliary[0] == AT_SYSINFO) vdso_gate = (void (*)(void))auxiliary[1];
  gate = vdso_gate;

  if (count == 3 && same(arguments[1], "child")) leave(number(arguments[2]));
  if (count >= 2 && same(arguments[1], "microbench")) {
    microbenchmarks(count > 2 ? number(arguments[2]) : 1);
    leave(0);
  }
  u32 failed = 0;
  for (u32 i = 0; i < PART_COUNT; i++) {
    u32 asked = count < 2;
    for (u32 j = 1; j < count; j++) asked |= (u32)same(arguments[j], PARTS[i].name);
    if (asked) failed += run_part(i);
  }
  if (failed == 0) print("workload: done\n");
  else print("workload: %u parts failed\n", failed);
  leave(failed != 0);
}
