/*
 * MC146818. Days are counted from 1970-01-01 with the calendar shifted to start in March, so that a leap day is the last of
 * its year: a month is then 153/5 days, rounded, and a year's length needs no table.
 */
#include "cmos.h"

#include "clocks.h"
#include "devices.h"

enum { SECOND, SECOND_ALARM, MINUTE, MINUTE_ALARM, HOUR, HOUR_ALARM, WEEKDAY, DAY, MONTH, YEAR };
enum { STATUS_A = 10, STATUS_B, STATUS_C, STATUS_D };
enum { A_UPDATING = 0x80, A_RATE = 15 };
enum { B_SET = 0x80, B_PERIODIC = 0x40, B_ALARM = 0x20, B_UPDATE = 0x10, B_BINARY = 4, B_24_HOURS = 2 };
enum { INTERRUPTS = B_PERIODIC | B_ALARM | B_UPDATE /* the same bits of registers B and C */ };
enum { C_SUMMARY = 0x80, D_VALID = 0x80, HOUR_PM = 0x80, ALARM_ANY = 0xc0 };
enum { CENTURY = 0x32, INDEX_MASK = 0x7f };
enum { SECOND_SHIFT = 15, CLOCKS = 1 << SECOND_SHIFT };
/* An update is announced 244 us before it begins and takes 1,984 us: 73 clocks. */
enum { UPDATE_CLOCKS = 73 };
enum { DAY_SECONDS = 86400, MARCH_1970 = 719468 /* days from 0000-03-01 to 1970-01-01 */ };

static uint32_t seconds_of(const struct cmos *cmos, uint64_t clock) {
  return cmos->offset + (uint32_t)(clock >> SECOND_SHIFT);
}

static uint8_t encode(const struct cmos *cmos, uint32_t value) {
  return (uint8_t)(cmos->bytes[STATUS_B] & B_BINARY ? value : value / 10 << 4 | value % 10);
}

static uint32_t decode(const struct cmos *cmos, uint8_t value) {
  return cmos->bytes[STATUS_B] & B_BINARY ? value : (value >> 4) * 10u + (value & 15);
}

static uint8_t encode_hour(const struct cmos *cmos, uint32_t hour) {
  if (cmos->bytes[STATUS_B] & B_24_HOURS) return encode(cmos, hour);
  return encode(cmos, hour % 12 == 0 ? 12 : hour % 12) | (hour >= 12 ? HOUR_PM : 0);
}

static uint32_t decode_hour(const struct cmos *cmos, uint8_t value) {
  if (cmos->bytes[STATUS_B] & B_24_HOURS) return decode(cmos, value);
  return decode(cmos, value & (uint8_t)~HOUR_PM) % 12 + (value & HOUR_PM ? 12 : 0);
}

/* Writes a time into the registers. */
static void show(struct cmos *cmos, uint32_t seconds) {
  uint32_t days = seconds / DAY_SECONDS, rest = seconds % DAY_SECONDS;
  uint8_t *bytes = cmos->bytes;
  bytes[SECOND] = encode(cmos, rest % 60);
  bytes[MINUTE] = encode(cmos, rest / 60 % 60);
  bytes[HOUR] = encode_hour(cmos, rest / 3600);
  bytes[WEEKDAY] = encode(cmos, (days + 4) % 7 + 1); /* Sunday is 1; 1970 began on a Thursday */

  uint32_t shifted = days + MARCH_1970, era = shifted / 146097, day = shifted % 146097;
  uint32_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
  day -= 365 * year + year / 4 - year / 100;
  uint32_t month = (5 * day + 2) / 153;
  bytes[DAY] = encode(cmos, day - (153 * month + 2) / 5 + 1);
  bytes[MONTH] = encode(cmos, month < 10 ? month + 3 : month - 9);
  year += era * 400 + (month < 10 ? 0 : 1);
  bytes[YEAR] = encode(cmos, year % 100);
  bytes[CENTURY] = (uint8_t)(year / 1000 << 4 | year / 100 % 10); /* the BIOS's, always BCD */
}

static uint32_t between(uint32_t value, uint32_t low, uint32_t high) {
  return value < low ? low : value > high ? high : value;
}

/* The time that the registers show. A value that is no time is taken for the nearest; years are 1970 to 2069. */
static uint32_t shown(const struct cmos *cmos) {
  const uint8_t *bytes = cmos->bytes;
  uint32_t year = between(decode(cmos, bytes[YEAR]), 0, 99), month = between(decode(cmos, bytes[MONTH]), 1, 12);
  uint32_t day = between(decode(cmos, bytes[DAY]), 1, 31);
  year += year < 70 ? 2000 : 1900;
  if (month < 3) year--;
  month = month < 3 ? month + 9 : month - 3;
  uint32_t days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - MARCH_1970;
  uint32_t hour = between(decode_hour(cmos, bytes[HOUR]), 0, 23);
  uint32_t minute = between(decode(cmos, bytes[MINUTE]), 0, 59), second = between(decode(cmos, bytes[SECOND]), 0, 59);
  return days * DAY_SECONDS + hour * 3600 + minute * 60 + second;
}

static bool held(const struct cmos *cmos) {
  return cmos->bytes[STATUS_B] & B_SET;
}

static bool is_time(uint8_t index) {
  return index <= YEAR && index != SECOND_ALARM && index != MINUTE_ALARM && index != HOUR_ALARM;
}

/* Clocks from one periodic interrupt to the next, as a power of two; 0: none. */
static unsigned period_shift(const struct cmos *cmos) {
  unsigned rate = cmos->bytes[STATUS_A] & A_RATE;
  return rate == 0 ? 0 : rate < 3 ? rate + 6 : rate - 1;
}

/* How many seconds after `seconds` the alarm rings, 1 to 86400; 0: never. */
static uint32_t until_alarm(const struct cmos *cmos, uint32_t seconds) {
  const uint8_t *bytes = cmos->bytes;
  uint32_t hour = decode_hour(cmos, bytes[HOUR_ALARM]);
  uint32_t minute = decode(cmos, bytes[MINUTE_ALARM]), second = decode(cmos, bytes[SECOND_ALARM]);
  bool any_hour = bytes[HOUR_ALARM] >= ALARM_ANY, any_minute = bytes[MINUTE_ALARM] >= ALARM_ANY;
  bool any_second = bytes[SECOND_ALARM] >= ALARM_ANY;
  if ((hour > 23 && !any_hour) || (minute > 59 && !any_minute) || (second > 59 && !any_second)) return 0;
  uint32_t start = seconds % DAY_SECONDS, wait = 1;
  while (wait <= DAY_SECONDS) {
    uint32_t time = (start + wait) % DAY_SECONDS;
    if (!any_hour && time / 3600 != hour) wait += 3600 - time % 3600;
    else if (!any_minute && time / 60 % 60 != minute) wait += 60 - time % 60;
    else if (!any_second && time % 60 != second) wait += (second + 60 - time % 60) % 60;
    else return wait;
  }
  return 0;
}

static void update(struct devices *devices) {
  const struct cmos *cmos = &devices->cmos;
  pic_line(devices, CMOS_LINE, (cmos->flags & cmos->bytes[STATUS_B] & INTERRUPTS) != 0);
}

void cmos_advance(struct devices *devices) {
  struct cmos *cmos = &devices->cmos;
  uint64_t before = cmos->clock, now = clock_count(CRYSTAL_RATE, devices->now);
  if (now == before) return;
  cmos->clock = now;
  unsigned shift = period_shift(cmos);
  if (shift != 0 && before >> shift != now >> shift) cmos->flags |= B_PERIODIC;
  uint64_t passed = (now >> SECOND_SHIFT) - (before >> SECOND_SHIFT);
  if (passed != 0 && !held(cmos)) {
    uint32_t wait = until_alarm(cmos, seconds_of(cmos, before));
    cmos->flags |= B_UPDATE;
    if (wait != 0 && wait <= passed) cmos->flags |= B_ALARM;
  }
  update(devices);
}

uint64_t cmos_next_event(const struct devices *devices) {
  const struct cmos *cmos = &devices->cmos;
  uint8_t enabled = cmos->bytes[STATUS_B];
  uint64_t next = DEVICES_NEVER, second = cmos->clock >> SECOND_SHIFT;
  if (!(enabled & INTERRUPTS) || cmos->flags & enabled & INTERRUPTS || !pic_listens(devices, CMOS_LINE)) return next;
  unsigned shift = period_shift(cmos);
  if (enabled & B_PERIODIC && shift != 0) next = ((cmos->clock >> shift) + 1) << shift;
  if (!held(cmos)) {
    uint32_t wait = enabled & B_UPDATE ? 1 : enabled & B_ALARM ? until_alarm(cmos, seconds_of(cmos, cmos->clock)) : 0;
    uint64_t change = (second + wait) << SECOND_SHIFT;
    if (wait != 0 && change < next) next = change;
  }
  return next == DEVICES_NEVER ? next : clock_time(CRYSTAL_RATE, next);
}

uint8_t cmos_in(struct devices *devices, uint16_t port) {
  struct cmos *cmos = &devices->cmos;
  uint8_t value;
  if (!(port & 1)) return 0xff; /* the index cannot be read */
  switch (cmos->index) {
  case STATUS_A:
    value = cmos->bytes[STATUS_A];
    return !held(cmos) && cmos->clock % CLOCKS >= CLOCKS - UPDATE_CLOCKS ? value | A_UPDATING : value;
  case STATUS_C:
    value = cmos->flags;
    if (value & cmos->bytes[STATUS_B] & INTERRUPTS) value |= C_SUMMARY;
    cmos->flags = 0;
    update(devices);
    return value;
  case STATUS_D:
    return D_VALID;
  default:
    if ((is_time(cmos->index) || cmos->index == CENTURY) && !held(cmos)) show(cmos, seconds_of(cmos, cmos->clock));
    return cmos->bytes[cmos->index];
  }
}

static void set_time(struct cmos *cmos) {
  cmos->offset = shown(cmos) - (uint32_t)(cmos->clock >> SECOND_SHIFT);
}

void cmos_out(struct devices *devices, uint16_t port, uint8_t value) {
  struct cmos *cmos = &devices->cmos;
  if (!(port & 1)) {
    cmos->index = value & INDEX_MASK;
    return;
  }
  switch (cmos->index) {
  case STATUS_A:
    cmos->bytes[STATUS_A] = value & (uint8_t)~A_UPDATING;
    return;
  case STATUS_B:
    if (value & B_SET) value &= (uint8_t)~B_UPDATE; /* holding the clock ends its interrupt */
    if (!held(cmos)) show(cmos, seconds_of(cmos, cmos->clock));
    if (held(cmos) && !(value & B_SET)) set_time(cmos);
    cmos->bytes[STATUS_B] = value;
    update(devices);
    return;
  case STATUS_C:
  case STATUS_D:
    return;
  default:
    if (is_time(cmos->index) && !held(cmos)) {
      show(cmos, seconds_of(cmos, cmos->clock));
      cmos->bytes[cmos->index] = value;
      set_time(cmos);
    } else {
      cmos->bytes[cmos->index] = value;
    }
  }
}

/* What a BIOS leaves in the memory: no drives, a coprocessor, the size of the memory, a checksum. */
void cmos_init(struct devices *devices, uint32_t epoch, uint32_t memory_kib) {
  enum { EQUIPMENT = 0x14, BASE = 0x15, EXTENDED = 0x17, SUMMED = 0x10, SUM = 0x2e, EXTENDED_AGAIN = 0x30, HIGH = 0x34 };
  struct cmos *cmos = &devices->cmos;
  uint8_t *bytes = cmos->bytes;
  uint32_t base = between(memory_kib, 0, 640), sum = 0;
  uint32_t extended = between(memory_kib, 1024, 1024 + 0xffff) - 1024;
  uint32_t high = between((between(memory_kib, 16384, UINT32_MAX) - 16384) / 64, 0, 0xffff); /* above 16 MiB, in 64 KiB */
  bytes[STATUS_A] = 0x26; /* 32,768 Hz, periodic 1,024 Hz */
  bytes[STATUS_B] = B_24_HOURS;
  bytes[EQUIPMENT] = 2;
  bytes[BASE] = (uint8_t)base;
  bytes[BASE + 1] = (uint8_t)(base >> 8);
  bytes[EXTENDED] = bytes[EXTENDED_AGAIN] = (uint8_t)extended;
  bytes[EXTENDED + 1] = bytes[EXTENDED_AGAIN + 1] = (uint8_t)(extended >> 8);
  bytes[HIGH] = (uint8_t)high;
  bytes[HIGH + 1] = (uint8_t)(high >> 8);
  for (int index = SUMMED; index < SUM; index++) sum += bytes[index];
  bytes[SUM] = (uint8_t)(sum >> 8);
  bytes[SUM + 1] = (uint8_t)sum;
  cmos->offset = epoch;
}
