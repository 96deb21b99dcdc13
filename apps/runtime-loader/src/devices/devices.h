/*
 * The devices of the virtual PC: two 8259 interrupt controllers, an 8254 timer, a 16550A serial port (COM1) and an
 * MC146818 clock. Nothing else is there: other ports read all ones and ignore writes, and each is reported once.
 *
 * All state is in one `struct devices`; no function keeps any of its own, allocates, blocks or reads a real clock. Time is
 * what the back end says it is, in nanoseconds since `devices_init`: the same calls give the same answers. Nothing runs
 * between calls: a device's state is a function of the time of its last programming and of now, so that a timer that
 * nobody looks at costs nothing.
 *
 * What a back end does:
 *   - before it hands on a port access (but for devices that are not `timed`) or asks for an interrupt: `devices_advance(now)`;
 *   - when the guest can take an interrupt: `devices_pending`, then `devices_acknowledge` for its vector;
 *   - when the guest idles, or before it returns to the guest: arm a timer for `devices_next_event`.
 *
 * None of the functions can fail, whatever a guest writes.
 */
#ifndef DEVICES_H
#define DEVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "cmos.h"
#include "pic.h"
#include "pit.h"
#include "uart.h"

/* No event: later than any time. */
#define DEVICES_NEVER UINT64_MAX

/* What the devices ask of the back end; any function may be null. */
struct devices_host {
  void *context;                                                              /* first argument of each */
  void (*console_output)(void *context, uint8_t byte);                        /* a byte left the serial port */
  void (*unknown_port)(void *context, uint16_t port, bool write, uint8_t value); /* first access to an absent port */
  void (*reset)(void *context);                                               /* the guest asked for a reset (port 92h) */
};

struct devices_setup {
  struct devices_host host;
  uint32_t epoch;      /* what the clock shows at the start, in seconds since 1970-01-01 */
  uint32_t memory_kib; /* memory of the guest, told by the clock's memory (CMOS) */
};

struct devices {
  uint64_t now; /* nanoseconds since devices_init */
  struct devices_host host;
  struct pic pic;
  struct pit pit;
  struct uart uart;
  struct cmos cmos;
  uint8_t control_a;                /* port 92h as last written */
  uint32_t reported[0x10000 / 32];  /* bit map: absent ports that were reported */
};

/* The state that a PC's firmware leaves behind: interrupt controllers initialised and all masked, timer at 18.2 Hz. */
void devices_init(struct devices *devices, const struct devices_setup *setup);

/* Port access of `size` 1, 2 or 4 bytes. Every device is 8 bits wide: wider accesses go to consecutive ports, lowest first. */
uint32_t devices_in(struct devices *devices, uint16_t port, unsigned size);
void devices_out(struct devices *devices, uint16_t port, unsigned size, uint32_t value);

/* The functions behind one port, for a site whose port is known when it is patched. They access one byte. */
struct device_port {
  uint8_t (*in)(struct devices *devices, uint16_t port);
  void (*out)(struct devices *devices, uint16_t port, uint8_t value);
  bool timed; /* has to do with time: `devices_advance` in front, and a write may change the next event */
};
const struct device_port *devices_port(uint16_t port);

/* Lets time pass until `now`. A time before the last one is taken for the last one. */
void devices_advance(struct devices *devices, uint64_t now);
/* When the next interrupt of a timer is due that is not masked or already requested: after `now`, or DEVICES_NEVER. */
uint64_t devices_next_event(const struct devices *devices);

/* Is the interrupt line to the processor up? */
int devices_pending(const struct devices *devices);
/* The processor's interrupt acknowledge: the vector, 0 to 255. Without a request, the spurious one (IRQ 7 of the master). */
int devices_acknowledge(struct devices *devices);

/* A byte arrives at the serial port. False: there is no room; keep it and try again later. */
bool devices_console_input(struct devices *devices, uint8_t byte);

#endif
