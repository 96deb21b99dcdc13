/*
 * The Intel 8254 timer at 40h to 43h (data sheet 231164-005), and port 61h, where a PC has the gate and the output of
 * channel 2. Channel 0's output is interrupt line 0; the gates of channels 0 and 1 are always open.
 *
 * A channel is a function of time: `start` is the clock at which its counting element took `count`, and its value and
 * output at any later clock follow. A count that waits for the end of a period (modes 2 and 3) has the clock at which
 * it will be taken.
 */
#ifndef PIT_H
#define PIT_H

#include <stdbool.h>
#include <stdint.h>

struct devices;

enum { PIT_CHANNELS = 3, PIT_LINE = 0 /* of channel 0, at the interrupt controller */ };

struct pit_channel {
  uint64_t start;     /* clock */
  uint64_t paused;    /* clocks counted when the gate closed; only while it is closed */
  uint64_t take_at;   /* clock at which `next` is taken, if `takes` */
  uint32_t count;     /* 1 to 65536 */
  uint32_t next;      /* the count that is taken next */
  uint16_t latch;
  uint8_t control;    /* access, mode and BCD bits as written */
  uint8_t mode;       /* 0 to 5 */
  uint8_t low;        /* low byte of a count that is half written */
  uint8_t status;     /* latched status */
  bool gate;
  bool written;       /* a count was written since the control word */
  bool loaded;        /* and taken */
  bool takes, takes_low; /* a count waits; for the middle of a period, where the output falls */
  bool write_high, read_high, count_latched, status_latched;
};

struct pit {
  uint64_t clock; /* of devices->now */
  struct pit_channel channels[PIT_CHANNELS];
  uint8_t speaker; /* port 61h, low bits as written */
};

void pit_init(struct devices *devices);
uint8_t pit_in(struct devices *devices, uint16_t port);
void pit_out(struct devices *devices, uint16_t port, uint8_t value);
uint8_t speaker_in(struct devices *devices, uint16_t port);
void speaker_out(struct devices *devices, uint16_t port, uint8_t value);

/* Lets clocks pass until devices->now; requests interrupt 0 if channel 0's output rose. */
void pit_advance(struct devices *devices);
/* Time of the next rise of channel 0's output. */
uint64_t pit_next_event(const struct devices *devices);

#endif
