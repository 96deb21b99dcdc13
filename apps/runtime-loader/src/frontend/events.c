#include "events.h"

#include "backend.h"
#include "decode.h"
#include "descriptors.h"
#include "emulate.h"
#include "exceptions.h"
#include "layout.h"
#include "memory.h"
#include "modules.h"
#include "ports.h"
#include "report.h"
#include "resident.h"
#include "shadow.h"
#include "sites.h"

static bool delayed;

void events_delay_interrupts(void) {
  delayed = true;
}

/* The console is looked at at least this often, in nanoseconds. */
#define CONSOLE_PERIOD 20000000u

/* When the host's timer is due; 0: it has fired. */
static uint64_t armed;

static void arm_timer(void) {
  uint64_t next = devices_deadline();
  if (armed != 0 && armed <= next) return;
  uint64_t poll = backend_now() + CONSOLE_PERIOD;
  armed = next < poll ? next : poll;
  backend_timer_set(armed);
}

void events_halt(void) {
  if (!interrupts_on()) {
    report_guest("halted with interrupts off");
    backend_shutdown(SHUTDOWN_HALT);
  }
  for (;;) {
    devices_follow();
    if (devices_wait()) return;
    arm_timer();
    backend_idle();
    armed = 0;
  }
}

/* Does the instruction at EIP come here by itself: HLT, IRET, SYSEXIT? */
static bool next_one_traps(void) {
  uint8_t bytes[2];
  if (!guest_read(segment_base(vcpu.regs.cs) + vcpu.regs.eip, bytes, 2, 0)) return false;
  return bytes[0] == 0xf4 || bytes[0] == 0xcf || (bytes[0] == 0x0f && bytes[1] == 0x35);
}

/*
 * Is the guest still where no interrupt may come: behind an STI, at an instruction that comes here by itself? However often the host
 * interrupts it there. A preemptible kernel that is preempted between STI and SYSEXIT leaves with registers of another program.
 */
static bool shadowed(void) {
  static bool covered;
  static uint32_t address;
  if (delayed) {
    covered = next_one_traps();
    address = vcpu.regs.eip;
    delayed = false;
  }
  if (vcpu.cpl != 0 || vcpu.regs.eip != address) covered = false;
  return covered;
}

static void deliver_interrupt(void) {
  if (shadowed() || !devices_wait() || !interrupts_on()) return;
  int vector = devices_take_interrupt();
  if (vector >= 0) interrupt_deliver((uint32_t)vector);
}

static void page_fault(void) {
  uint32_t address = vcpu.fault_address, frame;
  uint32_t kind = (vcpu.regs.error & ACCESS_WRITE) | present_access();
  struct shadow_fault fault = shadow_reach(address, kind, &frame);
  if (!fault.refused) return;
  if (address >= MONITOR_LINEAR) report_guest_number("touched the monitor's address", address);
  exception_set_address(address);
  exception_deliver(VECTOR_PF, fault.error);
}

/* A fault that names a selector may come from a copy of a descriptor table that is out of date. */
static bool table_was_stale(uint32_t error) {
  return (error & 0xfffc) != 0 && !(error & 2) && descriptors_follow();
}

static void general_protection(void) {
  uint32_t error = vcpu.regs.error, start = vcpu.regs.eip;
  if ((error & 7) == 2) {
    /* INT n to a gate that is the monitor's; prefixes mean nothing to it, but belong to its length. */
    const struct instruction *instruction = decode(-1);
    if (instruction != NULL) {
      vcpu.regs.eip += instruction->length;
      software_interrupt_deliver(error >> 3, start);
    } else exception_deliver_raised();
    return;
  }
  if (modules_trapped()) modules_loaded();
  else if (!table_was_stale(error)) emulate_instruction();
}

/* A stub is stepped over as one instruction: between its own the guest has no address to be told. */
void events_single_step(void) {
  if (vcpu.cpl == 0 && resident_contains(vcpu.regs.eip)) return;
  vcpu.dr[6] = 0xffff0ff0 | 1 << 14;
  exception_deliver(VECTOR_DB, 0);
}

static void handle(uint32_t vector) {
  switch (vector) {
    case VECTOR_PF: page_fault(); return;
    case VECTOR_GP: general_protection(); return;
    case VECTOR_DB: events_single_step(); return;
    case VECTOR_BP: case VECTOR_OF: software_interrupt_deliver(vector, vcpu.regs.eip - 1); return;
    case 0x80: software_interrupt_deliver(vector, vcpu.regs.eip - 2); return;
    case VECTOR_NP: case VECTOR_SS:
      if (!table_was_stale(vcpu.regs.error)) exception_deliver(vector, vcpu.regs.error);
      return;
    default: exception_deliver(vector, vcpu.regs.error);
  }
}

/*
 * Some processors take a bad selector on the way to ring 3 for a fault of ring 0, and some emulators for their own. A row that is
 * in use does not go bad, so new selectors are all that has to be looked at.
 */
static bool check_segments(void) {
  static uint32_t cs, ss, cpl;
  if (vcpu.regs.cs == cs && vcpu.regs.ss == ss && vcpu.cpl == cpl) return true;
  if (!segments_runnable()) {
    exception_deliver_raised();
    return false;
  }
  cs = vcpu.regs.cs, ss = vcpu.regs.ss, cpl = vcpu.cpl;
  return true;
}

_Noreturn void events_run(void) {
  for (;;) {
    deliver_interrupt();
    if (!check_segments()) continue;
    if (devices_touched() || armed == 0) arm_timer();
    resident_publish_pending(devices_wait() && !interrupts_on());
    bool user = vcpu.cpl == 3;
    shadow_prepare(user);
    backend_descriptors_use(user);
    bool host = backend_enter();
    uint32_t vector = vcpu.regs.vector;
    site_table.vector_exits[vector & 255]++;
    if (host) {
      armed = 0;
      devices_follow();
    } else {
      handle(vector);
    }
  }
}
