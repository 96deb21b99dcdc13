#include "ports.h"

#include "../devices/devices.h"
#include "backend.h"
#include "descriptors.h"
#include "exceptions.h"
#include "memory.h"
#include "report.h"

enum { TASK_IO_BASE = 0x66, TASK_SIZE = 0x68 };

static struct devices devices;
static int held = -1;      /* a byte from the console that the serial port had no room for */
static bool touched, wait; /* by the guest; whether an interrupt waits */

static void console_output(void *context, uint8_t byte) {
  (void)context;
  backend_console_write(byte);
}

static void unknown_port(void *context, uint16_t port, bool write, uint8_t value) {
  (void)context, (void)value;
  report_guest_number(write ? "wrote to an absent port" : "read an absent port", port);
}

static void reset(void *context) {
  (void)context;
  report_guest("asked for a reset");
  backend_shutdown(SHUTDOWN_RESET);
}

void ports_start(uint32_t memory_kib, uint32_t epoch) {
  struct devices_setup setup = {
    .host = {.console_output = console_output, .unknown_port = unknown_port, .reset = reset},
    .epoch = epoch,
    .memory_kib = memory_kib,
  };
  devices_init(&devices, &setup);
}

void devices_follow(void) {
  devices_advance(&devices, backend_now());
  for (;;) {
    if (held < 0) held = backend_console_read();
    if (held < 0 || !devices_console_input(&devices, (uint8_t)held)) break;
    held = -1;
  }
  wait = devices_pending(&devices);
}

bool devices_wait(void) {
  return wait;
}

int devices_take_interrupt(void) {
  int vector = devices_pending(&devices) ? devices_acknowledge(&devices) : -1;
  wait = devices_pending(&devices);
  return vector;
}

bool devices_touched(void) {
  bool answer = touched;
  touched = false;
  return answer;
}

uint64_t devices_deadline(void) {
  return devices_next_event(&devices);
}

/* May a user program use these ports? Its IOPL or its task's bit map says so (SDM Vol. 1, 19.5). */
static bool permitted(uint32_t port, uint32_t size) {
  uint16_t base, bits;
  if (vcpu.cpl == 0 || vcpu.iopl == FLAG_IOPL) return true;
  if (vcpu.tr.limit < TASK_SIZE - 1 || !guest_read(vcpu.tr.base + TASK_IO_BASE, &base, 2, 0)) return false;
  uint32_t at = base + port / 8;
  if (at + 1 > vcpu.tr.limit || !guest_read(vcpu.tr.base + at, &bits, 2, 0)) return false;
  return (bits >> (port & 7) & ((1u << size) - 1)) == 0;
}

/* The device behind a port of one byte; devices with time learn how much of it has passed. */
static const struct device_port *device_at(uint32_t port) {
  const struct device_port *device = devices_port((uint16_t)port);
  if (device->timed) devices_advance(&devices, backend_now());
  return device;
}

static uint32_t input(uint32_t port, uint32_t size) {
  uint32_t value = 0;
  for (uint32_t byte = 0; byte < size; byte++) value |= (uint32_t)device_at(port + byte)->in(&devices, (uint16_t)(port + byte)) << 8 * byte;
  wait = devices_pending(&devices);
  return value;
}

static void output(uint32_t port, uint32_t size, uint32_t value) {
  for (uint32_t byte = 0; byte < size; byte++) {
    const struct device_port *device = device_at(port + byte);
    device->out(&devices, (uint16_t)(port + byte), (uint8_t)(value >> 8 * byte));
    touched |= device->timed;
  }
  wait = devices_pending(&devices);
}

/* INS and OUTS: one element; more of them wait for the next time. */
static bool string_instruction(const struct instruction *i, uint32_t size, bool *again) {
  struct registers *r = &vcpu.regs;
  bool writes = i->opcode & 2;
  uint32_t mask = i->address16 ? 0xffff : 0xffffffff, *index = writes ? &r->esi : &r->edi;
  if (i->repeat && (r->ecx & mask) == 0) return true;
  enum segment_register segment = !writes ? SEGMENT_ES : i->segment >= 0 ? (enum segment_register)i->segment : SEGMENT_DS;
  uint32_t address = segment_base(segment_selector(segment)) + (*index & mask), access = present_access();
  uint32_t value = 0, port = r->edx & 0xffff;
  if (writes) {
    if (!guest_read(address, &value, size, access)) return exception_raise_page_fault();
    output(port, size, value);
  } else {
    if (!guest_writable(address, size, access)) return exception_raise_page_fault();
    value = input(port, size);
    guest_write(address, &value, size, access);
  }
  *index = (*index & ~mask) | ((r->eflags & FLAG_DF ? *index - size : *index + size) & mask);
  if (!i->repeat) return true;
  r->ecx = (r->ecx & ~mask) | ((r->ecx - 1) & mask);
  *again = (r->ecx & mask) != 0;
  return true;
}

bool port_instruction(const struct instruction *i, bool *again) {
  uint32_t size = !(i->opcode & 1) ? 1 : i->operand16 ? 2 : 4;
  bool string = i->opcode < 0x80, immediate = i->opcode >= 0xe4 && i->opcode <= 0xe7;
  uint32_t port = immediate ? i->immediate : vcpu.regs.edx & 0xffff;
  if (!permitted(port, size)) return exception_raise(VECTOR_GP, 0);
  if (string) return string_instruction(i, size, again);
  if (i->opcode & 2) {
    output(port, size, vcpu.regs.eax);
    return true;
  }
  uint32_t mask = size == 4 ? 0xffffffff : (1u << size * 8) - 1;
  vcpu.regs.eax = (vcpu.regs.eax & ~mask) | (input(port, size) & mask);
  return true;
}
