/*
 * The Motorola MC146818 clock and its memory of 128 bytes: index at port 70h, data at 71h, interrupt line 8.
 *
 * Its time is a function of now: a second is 32,768 clocks of the crystal, and `offset` is what the guest made of it by
 * setting the clock. While the guest holds the clock still (SET), the registers are as it writes them. The divider's reset
 * (register A) does not stop the clock. Times are in 1970 to 2105.
 */
#ifndef CMOS_H
#define CMOS_H

#include <stdbool.h>
#include <stdint.h>

struct devices;

enum { CMOS_LINE = 8, CMOS_BYTES = 128 };

struct cmos {
  uint64_t clock;   /* of the crystal, since devices_init */
  uint32_t offset;  /* seconds since 1970, when the clock is 0 */
  uint8_t index;    /* without the bit that masks NMI */
  uint8_t flags;    /* register C, without its summary bit */
  uint8_t bytes[CMOS_BYTES]; /* as written; 0 to 9 are the time only while the clock is held */
};

void cmos_init(struct devices *devices, uint32_t epoch, uint32_t memory_kib);
uint8_t cmos_in(struct devices *devices, uint16_t port);
void cmos_out(struct devices *devices, uint16_t port, uint8_t value);

/* Lets time pass until devices->now: flags and interrupts for what happened meanwhile. */
void cmos_advance(struct devices *devices);
/* Time of the next interrupt that the guest enabled. */
uint64_t cmos_next_event(const struct devices *devices);

#endif
