/*
 * Intel 8254.
 *
 * Where a count is taken "on the next clock pulse", the time until then counts as the first clock: a count read back at
 * once is the one written. A mode 2 or 3 count of 1, which the data sheet forbids, makes no output edges.
 */
#include "clocks.h"
#include "devices.h"

enum { ONE_SHOT_COUNT, TRIGGERED_ONE_SHOT, RATE, SQUARE, STROBE, TRIGGERED_STROBE };
enum { CONTROL_BCD = 1, READ_BACK = 3, KEEP_COUNT = 0x20, KEEP_STATUS = 0x10, STATUS_OUTPUT = 0x80, STATUS_NULL = 0x40 };
enum { ACCESS_LATCH, ACCESS_LOW, ACCESS_HIGH, ACCESS_BOTH };
enum { SPEAKER_GATE = 1, SPEAKER_KEPT = 0x0f, SPEAKER_REFRESH = 0x10, SPEAKER_OUTPUT = 0x20 };
/* Clocks from one memory refresh to the next on a PC, which toggles a bit of port 61h. */
enum { REFRESH = 18 };

static unsigned access_of(const struct pit_channel *channel) {
  return channel->control >> 4 & 3;
}

static bool periodic(const struct pit_channel *channel) {
  return channel->mode == RATE || channel->mode == SQUARE;
}

static bool triggered(const struct pit_channel *channel) {
  return channel->mode == TRIGGERED_ONE_SHOT || channel->mode == TRIGGERED_STROBE;
}

/* Counts from 1 to this, which is what a count of 0 means. */
static uint32_t range_of(const struct pit_channel *channel) {
  return channel->control & CONTROL_BCD ? 10000 : 0x10000;
}

static uint32_t from_bcd(uint32_t value) {
  return (value & 15) + 10 * (value >> 4 & 15) + 100 * (value >> 8 & 15) + 1000 * (value >> 12);
}

static uint32_t to_bcd(uint32_t value) {
  return value % 10 | value / 10 % 10 << 4 | value / 100 % 10 << 8 | value / 1000 % 10 << 12;
}

/* Clocks since the count was taken. */
static uint64_t elapsed(const struct pit_channel *channel, uint64_t clock) {
  if (!channel->gate && !triggered(channel)) return channel->paused;
  return (int64_t)(clock - channel->start) < 0 ? 0 : clock - channel->start;
}

/* Clocks of a period in which the output is high, in mode 3. */
static uint32_t high_part(uint32_t count) {
  return (count + 1) / 2;
}

static bool output(const struct pit_channel *channel, uint64_t clock) {
  if (!channel->loaded) return channel->mode != ONE_SHOT_COUNT;
  uint64_t past = elapsed(channel, clock);
  switch (channel->mode) {
  case ONE_SHOT_COUNT:
  case TRIGGERED_ONE_SHOT:
    return past >= channel->count;
  case RATE:
    return !channel->gate || channel->count < 2 || remainder_of(past, channel->count) != channel->count - 1;
  case SQUARE:
    return !channel->gate || remainder_of(past, channel->count) < high_part(channel->count);
  default:
    return past != channel->count;
  }
}

/* The counting element, as it is read: 16 bits, in BCD where that was asked for. */
static uint16_t counted(const struct pit_channel *channel, uint64_t clock) {
  uint32_t value = channel->count, range = range_of(channel);
  uint64_t past = channel->loaded ? elapsed(channel, clock) : 0;
  if (channel->mode == RATE) {
    value -= remainder_of(past, value);
  } else if (channel->mode == SQUARE) {
    uint32_t phase = remainder_of(past, value), high = high_part(value);
    value = (value & ~1u) - 2 * (phase < high ? phase : phase - high);
  } else {
    value = (value + range - remainder_of(past, range)) % range;
  }
  return (uint16_t)(channel->control & CONTROL_BCD ? to_bcd(value) : value);
}

/* The first clock after `after` at which the output rises, without another command; DEVICES_NEVER: none. */
static uint64_t next_rise(const struct pit_channel *channel, uint64_t after) {
  if (!channel->loaded || (!channel->gate && !triggered(channel))) return DEVICES_NEVER;
  if (!periodic(channel)) {
    uint64_t rise = channel->start + channel->count + (channel->mode >= STROBE);
    return (int64_t)(rise - after) > 0 ? rise : DEVICES_NEVER;
  }
  if (channel->takes && !channel->takes_low) return channel->take_at;
  if (channel->takes) return channel->next < 2 ? DEVICES_NEVER : channel->take_at + channel->next / 2;
  if (channel->count < 2) return DEVICES_NEVER;
  if ((int64_t)(after - channel->start) < 0) return channel->start + channel->count;
  return after + channel->count - remainder_of(after - channel->start, channel->count);
}

/* Takes the count that waited for a clock that has come. */
static void take(struct pit_channel *channel, uint64_t clock) {
  if (!channel->takes || (int64_t)(clock - channel->take_at) < 0) return;
  channel->count = channel->next;
  channel->start = channel->take_at - (channel->takes_low ? high_part(channel->next) : 0);
  channel->takes = false;
}

static void load(struct pit_channel *channel, uint64_t clock) {
  channel->count = channel->next;
  channel->start = clock + 1;
  channel->paused = 0;
  channel->loaded = true;
  channel->takes = false;
}

static void count_written(struct pit_channel *channel, uint16_t value, uint64_t clock) {
  uint32_t count = channel->control & CONTROL_BCD ? from_bcd(value) : value;
  channel->next = count == 0 ? range_of(channel) : count;
  channel->written = true;
  if (triggered(channel)) return; /* until the gate opens */
  if (!periodic(channel) || !channel->loaded) {
    load(channel, clock);
    return;
  }
  /* A new count is taken at the end of the period, in mode 3 of the half period; without the gate, when that opens. */
  channel->takes = channel->gate;
  uint32_t phase = remainder_of(elapsed(channel, clock), channel->count), high = high_part(channel->count);
  uint64_t now = (int64_t)(clock - channel->start) < 0 ? channel->start : clock;
  channel->takes_low = channel->mode == SQUARE && channel->count > 1 && phase < high;
  channel->take_at = now + (channel->takes_low ? high : channel->count) - phase;
}

/* Is the count that was written last not yet in the counting element (NULL COUNT)? */
static bool count_waits(const struct pit_channel *channel) {
  return !channel->loaded || channel->takes || channel->next != channel->count;
}

static void latch_count(struct pit_channel *channel, uint64_t clock) {
  if (channel->count_latched) return;
  channel->latch = counted(channel, clock);
  channel->count_latched = true;
}

static void latch_status(struct pit_channel *channel, uint64_t clock) {
  if (channel->status_latched) return;
  channel->status = channel->control | (output(channel, clock) ? STATUS_OUTPUT : 0) | (count_waits(channel) ? STATUS_NULL : 0);
  channel->status_latched = true;
}

static void set_mode(struct pit_channel *channel, uint8_t value) {
  unsigned mode = value >> 1 & 7;
  *channel = (struct pit_channel){
    .control = value & 0x3f,
    .mode = (uint8_t)(mode > TRIGGERED_STROBE ? mode - 4 : mode), /* the high bit of modes 2 and 3 is not looked at */
    .gate = channel->gate,
    .count = channel->count,
    .next = channel->count,
  };
}

static void control(struct pit *pit, uint8_t value) {
  if (value >> 6 != READ_BACK) {
    struct pit_channel *channel = &pit->channels[value >> 6];
    if ((value >> 4 & 3) == ACCESS_LATCH) latch_count(channel, pit->clock);
    else set_mode(channel, value);
    return;
  }
  for (int index = 0; index < PIT_CHANNELS; index++) {
    if (!(value >> index & 2)) continue;
    if (!(value & KEEP_COUNT)) latch_count(&pit->channels[index], pit->clock);
    if (!(value & KEEP_STATUS)) latch_status(&pit->channels[index], pit->clock);
  }
}

static void write_count(struct pit_channel *channel, uint8_t value, uint64_t clock) {
  switch (access_of(channel)) {
  case ACCESS_LOW:
    count_written(channel, value, clock);
    break;
  case ACCESS_HIGH:
    count_written(channel, (uint16_t)(value << 8), clock);
    break;
  default:
    if (channel->write_high) {
      count_written(channel, (uint16_t)(value << 8 | channel->low), clock);
    } else {
      channel->low = value;
      if (channel->mode == ONE_SHOT_COUNT) channel->loaded = false; /* the first byte stops counting */
    }
    channel->write_high = !channel->write_high;
  }
}

uint8_t pit_in(struct devices *devices, uint16_t port) {
  struct pit *pit = &devices->pit;
  if ((port & 3) == PIT_CHANNELS) return 0xff; /* the control word cannot be read */
  struct pit_channel *channel = &pit->channels[port & 3];
  if (channel->status_latched) {
    channel->status_latched = false;
    return channel->status;
  }
  uint16_t value = channel->count_latched ? channel->latch : counted(channel, pit->clock);
  bool both = access_of(channel) == ACCESS_BOTH, high = both ? channel->read_high : access_of(channel) == ACCESS_HIGH;
  if (both) channel->read_high = !high;
  if (!both || high) channel->count_latched = false;
  return (uint8_t)(high ? value >> 8 : value);
}

void pit_out(struct devices *devices, uint16_t port, uint8_t value) {
  struct pit *pit = &devices->pit;
  bool high = output(&pit->channels[0], pit->clock);
  if ((port & 3) == PIT_CHANNELS) control(pit, value);
  else write_count(&pit->channels[port & 3], value, pit->clock);
  if (!high && output(&pit->channels[0], pit->clock)) pic_latch(devices, PIT_LINE);
}

static void set_gate(struct pit_channel *channel, bool gate, uint64_t clock) {
  if (gate == channel->gate) return;
  if (!gate) channel->paused = elapsed(channel, clock);
  channel->gate = gate;
  if (triggered(channel)) {
    if (gate && channel->written) load(channel, clock);
  } else if (gate && periodic(channel)) {
    if (channel->loaded) load(channel, clock);
  } else if (gate) {
    channel->start = clock - channel->paused;
  } else {
    channel->takes = false;
  }
}

/* Nothing is wrong with the memory (bits 7 and 6). */
uint8_t speaker_in(struct devices *devices, uint16_t port) {
  (void)port;
  const struct pit *pit = &devices->pit;
  bool refresh = remainder_of(pit->clock, 2 * REFRESH) >= REFRESH;
  return (uint8_t)(pit->speaker | (refresh ? SPEAKER_REFRESH : 0) |
                   (output(&pit->channels[2], pit->clock) ? SPEAKER_OUTPUT : 0));
}

void speaker_out(struct devices *devices, uint16_t port, uint8_t value) {
  (void)port;
  devices->pit.speaker = value & SPEAKER_KEPT;
  set_gate(&devices->pit.channels[2], value & SPEAKER_GATE, devices->pit.clock);
}

void pit_advance(struct devices *devices) {
  struct pit *pit = &devices->pit;
  uint64_t clock = clock_count(PIT_RATE, devices->now);
  if (clock == pit->clock) return;
  if (next_rise(&pit->channels[0], pit->clock) <= clock) pic_latch(devices, PIT_LINE);
  for (int index = 0; index < PIT_CHANNELS; index++) take(&pit->channels[index], clock);
  pit->clock = clock;
}

uint64_t pit_next_event(const struct devices *devices) {
  if (!pic_listens(devices, PIT_LINE)) return DEVICES_NEVER;
  uint64_t rise = next_rise(&devices->pit.channels[0], devices->pit.clock);
  return rise == DEVICES_NEVER ? DEVICES_NEVER : clock_time(PIT_RATE, rise);
}

void pit_init(struct devices *devices) {
  static const uint8_t controls[PIT_CHANNELS] = {0x36, 0x54, 0xb6}; /* modes 3, 2, 3 */
  static const uint32_t counts[PIT_CHANNELS] = {0x10000, REFRESH, 0x10000};
  for (int index = 0; index < PIT_CHANNELS; index++) {
    struct pit_channel *channel = &devices->pit.channels[index];
    set_mode(channel, controls[index]);
    channel->gate = index != 2;
    channel->next = counts[index];
    channel->written = true;
    load(channel, 0);
  }
}
