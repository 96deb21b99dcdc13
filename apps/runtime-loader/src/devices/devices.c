/* The devices together: start, time, and the ports they answer at. */
#include "devices.h"

#include "bytes.h"

void devices_init(struct devices *devices, const struct devices_setup *setup) {
  memset(devices, 0, sizeof *devices);
  devices->host = setup->host;
  pic_init(devices);
  pit_init(devices);
  uart_init(devices);
  cmos_init(devices, setup->epoch, setup->memory_kib);
}

void devices_advance(struct devices *devices, uint64_t now) {
  if (now <= devices->now) return;
  devices->now = now;
  pit_advance(devices);
  cmos_advance(devices);
}

uint64_t devices_next_event(const struct devices *devices) {
  uint64_t timer = pit_next_event(devices), clock = cmos_next_event(devices);
  uint64_t next = timer < clock ? timer : clock;
  return next > devices->now ? next : DEVICES_NEVER; /* the end of time */
}

/* Port 92h: address line 20 is always on, a rising bit 0 resets the machine. */
enum { CONTROL_A_RESET = 1, CONTROL_A_LINE_20 = 2 };

static uint8_t control_a_in(struct devices *devices, uint16_t port) {
  (void)port;
  return devices->control_a | CONTROL_A_LINE_20;
}

static void control_a_out(struct devices *devices, uint16_t port, uint8_t value) {
  (void)port;
  bool reset = value & ~devices->control_a & CONTROL_A_RESET;
  devices->control_a = value & CONTROL_A_RESET;
  if (reset && devices->host.reset != 0) devices->host.reset(devices->host.context);
}

/* Ports at which nothing is, without a report: a delay, or a device that a guest may look for in vain. */
static uint8_t nothing_in(struct devices *devices, uint16_t port) {
  (void)devices, (void)port;
  return 0xff;
}

static void nothing_out(struct devices *devices, uint16_t port, uint8_t value) {
  (void)devices, (void)port, (void)value;
}

static void report(struct devices *devices, uint16_t port, bool write, uint8_t value) {
  uint32_t bit = 1u << port % 32;
  if (devices->reported[port / 32] & bit) return;
  devices->reported[port / 32] |= bit;
  if (devices->host.unknown_port != 0) devices->host.unknown_port(devices->host.context, port, write, value);
}

static uint8_t unknown_in(struct devices *devices, uint16_t port) {
  report(devices, port, false, 0xff);
  return 0xff;
}

static void unknown_out(struct devices *devices, uint16_t port, uint8_t value) {
  report(devices, port, true, value);
}

const struct device_port *devices_port(uint16_t port) {
  static const struct device_port pic = {pic_in, pic_out, true}, pit = {pit_in, pit_out, true}, speaker = {speaker_in, speaker_out, true},
                                  cmos = {cmos_in, cmos_out, true}, uart = {uart_in, uart_out, false},
                                  control_a = {control_a_in, control_a_out, false}, nothing = {nothing_in, nothing_out, false},
                                  unknown = {unknown_in, unknown_out, false};
  switch (port) {
  case 0x20: case 0x21: case 0xa0: case 0xa1:
    return &pic;
  case 0x40: case 0x41: case 0x42: case 0x43:
    return &pit;
  case 0x61:
    return &speaker;
  case 0x70: case 0x71:
    return &cmos;
  case 0x92:
    return &control_a;
  case 0x3f8: case 0x3f9: case 0x3fa: case 0x3fb: case 0x3fc: case 0x3fd: case 0x3fe: case 0x3ff:
    return &uart;
  case 0x80: case 0xed: /* delays */
  case 0x60: case 0x64: /* keyboard controller */
  case 0xcf8: case 0xcf9: case 0xcfa: case 0xcfb: case 0xcfc: case 0xcfd: case 0xcfe: case 0xcff: /* PCI */
    return &nothing;
  default:
    return &unknown;
  }
}

uint32_t devices_in(struct devices *devices, uint16_t port, unsigned size) {
  uint32_t value = 0;
  for (unsigned byte = 0; byte < size; byte++) {
    uint16_t at = (uint16_t)(port + byte);
    value |= (uint32_t)devices_port(at)->in(devices, at) << 8 * byte;
  }
  return value;
}

void devices_out(struct devices *devices, uint16_t port, unsigned size, uint32_t value) {
  for (unsigned byte = 0; byte < size; byte++) {
    uint16_t at = (uint16_t)(port + byte);
    devices_port(at)->out(devices, at, (uint8_t)(value >> 8 * byte));
  }
}
