/*
 * Conversion between nanoseconds and the clocks of timers, exact to the clock, without a division: a 32-bit freestanding
 * program has none of 64 bits.
 *
 * A rate is a number of whole units and a fraction, rounded up both ways: then clock_time(n) is the first nanosecond, or
 * the one behind it, at which clock_count() has reached n, and never one before it. An event armed for clock_time(n) has
 * happened when that time has come. The fractions are fine enough for three centuries; then clock_time() wraps.
 */
#ifndef CLOCKS_H
#define CLOCKS_H

#include <stdint.h>

struct clock_rate {
  uint64_t per_nanosecond;  /* clocks in a nanosecond, in 2^-(64 + shift) */
  unsigned shift;
  uint32_t nanoseconds;     /* whole nanoseconds in a clock */
  uint64_t fraction;        /* and the rest, in 2^-64 */
};

/* 1,193,182 Hz: a third of the colour carrier of NTSC, what an 8254 counts. */
#define PIT_RATE ((struct clock_rate){0x9c648b561b25dc6fu, 9, 838, 0x1859277b43313525u})
/* 32,768 Hz: the crystal of the clock. */
#define CRYSTAL_RATE ((struct clock_rate){0x89705f4136b4a598u, 14, 30517, 0x9400000000000000u})

/* The high half of a product of 128 bits. */
static inline uint64_t multiply_high(uint64_t a, uint64_t b) {
  uint64_t a_low = (uint32_t)a, a_high = a >> 32, b_low = (uint32_t)b, b_high = b >> 32;
  uint64_t middle = a_high * b_low + (a_low * b_low >> 32);
  uint64_t other = a_low * b_high + (uint32_t)middle;
  return a_high * b_high + (middle >> 32) + (other >> 32);
}

static inline uint64_t clock_count(struct clock_rate rate, uint64_t time) {
  return multiply_high(time, rate.per_nanosecond) >> rate.shift;
}

static inline uint64_t clock_time(struct clock_rate rate, uint64_t count) {
  return count * rate.nanoseconds + multiply_high(count, rate.fraction) + 1;
}

/* value modulo a divisor of at most 24 bits. */
static inline uint32_t remainder_of(uint64_t value, uint32_t divisor) {
  if (value >> 32 == 0) return (uint32_t)value % divisor;
  uint32_t rest = 0;
  for (int shift = 56; shift >= 0; shift -= 8) rest = (rest << 8 | (uint8_t)(value >> shift)) % divisor;
  return rest;
}

#endif
