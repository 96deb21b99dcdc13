/* The real machine's timer, interrupt controllers, clock and console, which the guest never reaches. */
#include "../../devices/clocks.h"
#include "../../frontend/backend.h"
#include "../../frontend/control.h"
#include "../../frontend/report.h"
#include "layout.h"
#include "../../patch/crc32.h"
#include "monitor.h"

enum { PIC_MASTER = 0x20, PIC_SLAVE = 0xa0, PIC_EOI = 0x20, TIMER_LINE = 0 };
enum { PIT_CHANNEL_0 = 0x40, PIT_CHANNEL_2 = 0x42, PIT_CONTROL = 0x43, PIT_GATE = 0x61, ONE_SHOT_0 = 0x30, ONE_SHOT_2 = 0xb0 };
enum { COM1 = 0x3f8, LINE_STATUS = 5, DATA_READY = 1, TRANSMITTER_EMPTY = 0x20, POLLS_MAX = 1 << 16 };
enum { CMOS_INDEX = 0x70, CMOS_DATA = 0x71, KEYBOARD_COMMAND = 0x64, KEYBOARD_RESET = 0xfe };
/* What the time-stamp counter is measured against: 4 ms, which is good for 1 in 4000 where a port takes a microsecond. */
enum { CALIBRATION_CLOCKS = 4773, CALIBRATION_NANOSECONDS = 4000228 };

static uint64_t started;
static uint32_t whole, fraction;   /* nanoseconds in a tick of the time-stamp counter, in 32.32 */
static uint32_t checksum_at_start;

static uint8_t in8(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "d"(port));
  return value;
}

static void out8(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" : : "a"(value), "d"(port));
}

/* ---- time ---- */

static void measure_tsc(void) {
  uint8_t gate = in8(PIT_GATE) & ~3;
  out8(PIT_GATE, gate);
  out8(PIT_CONTROL, ONE_SHOT_2);
  out8(PIT_CHANNEL_2, CALIBRATION_CLOCKS & 255);
  out8(PIT_CHANNEL_2, CALIBRATION_CLOCKS >> 8);
  out8(PIT_GATE, gate | 1);
  uint64_t start = processor_tsc();
  for (uint32_t polls = 0; polls < 50000000 && !(in8(PIT_GATE) & 0x20); polls++) continue;
  uint32_t ticks = (uint32_t)(processor_tsc() - start), rest, unused;
  if (ticks == 0) ticks = 1;
  whole = CALIBRATION_NANOSECONDS / ticks;
  rest = CALIBRATION_NANOSECONDS % ticks;
  __asm__("divl %4" : "=a"(fraction), "=d"(unused) : "0"(0), "1"(rest), "r"(ticks));
}

uint64_t backend_now(void) {
  uint64_t ticks = processor_tsc() - started;
  return ticks * whole + (ticks >> 32) * fraction + ((uint64_t)(uint32_t)ticks * fraction >> 32);
}

void backend_timer_set(uint64_t deadline) {
  uint64_t now = backend_now(), clocks = deadline > now ? clock_count(PIT_RATE, deadline - now) + 1 : 1;
  uint32_t count = clocks > 0xffff ? 0xffff : (uint32_t)clocks;
  out8(PIT_CONTROL, ONE_SHOT_0);
  out8(PIT_CHANNEL_0, (uint8_t)count);
  out8(PIT_CHANNEL_0, (uint8_t)(count >> 8));
}

bool host_interrupt(uint32_t vector) {
  if (vector < HOST_VECTOR || vector >= HOST_VECTOR_END) return false;
  if (vector >= HOST_VECTOR + 8) out8(PIC_SLAVE, PIC_EOI);
  out8(PIC_MASTER, PIC_EOI);
  return true;
}

static void start_pics(void) {
  static const uint8_t words[][2] = {{PIC_MASTER, 0x11}, {PIC_SLAVE, 0x11}, {PIC_MASTER + 1, HOST_VECTOR}, {PIC_SLAVE + 1, HOST_VECTOR + 8},
                                     {PIC_MASTER + 1, 4}, {PIC_SLAVE + 1, 2}, {PIC_MASTER + 1, 1}, {PIC_SLAVE + 1, 1},
                                     {PIC_MASTER + 1, (uint8_t)~(1 << TIMER_LINE)}, {PIC_SLAVE + 1, 0xff}};
  for (uint32_t i = 0; i < sizeof words / sizeof words[0]; i++) out8(words[i][0], words[i][1]);
}

/* ---- the clock ---- */

static uint32_t cmos(uint8_t index) {
  out8(CMOS_INDEX, index);
  return in8(CMOS_DATA);
}

/* A register of the clock, which is in BCD unless status B says otherwise. */
static uint32_t clock_field(uint8_t index) {
  uint32_t value = cmos(index);
  return cmos(0x0b) & 4 ? value : value / 16 * 10 + value % 16;
}

static uint32_t read_epoch(void) {
  for (uint32_t polls = 0; polls < 100000 && cmos(0x0a) & 0x80; polls++) continue;
  uint32_t year = 2000 + clock_field(9) % 100, month = clock_field(8), day = clock_field(7);
  /* Days since 1970-01-01, counting years from March. */
  uint32_t shifted = month > 2 ? year : year - 1, from_march = month > 2 ? month - 3 : month + 9;
  uint32_t days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (from_march * 153 + 2) / 5 + day - 719469;
  return days * 86400 + clock_field(4) % 24 * 3600 + clock_field(2) * 60 + clock_field(0);
}

/* ---- the console ---- */

void backend_console_write(uint8_t byte) {
  for (uint32_t polls = 0; polls < POLLS_MAX && !(in8(COM1 + LINE_STATUS) & TRANSMITTER_EMPTY); polls++) continue;
  out8(COM1, byte);
}

int backend_console_read(void) {
  return in8(COM1 + LINE_STATUS) & DATA_READY ? in8(COM1) : -1;
}

/* Of the monitor's code and constants. */
static uint32_t checksum(void) {
  extern const uint8_t constants_end[];
  return crc32(0, (const uint8_t *)MONITOR_LINEAR, (uint32_t)constants_end - MONITOR_LINEAR);
}

_Noreturn void backend_shutdown(enum shutdown why) {
  report_text(why == SHUTDOWN_RESET ? "previrt: the guest is reset\n" : "previrt: the guest is stopped\n");
  report_text(checksum() == checksum_at_start ? "previrt: monitor intact, " : "previrt: MONITOR CHANGED, ");
  report_hex(checksum_at_start);
  report_text("\n");
  __asm__ volatile("cli");
  if (why == SHUTDOWN_RESET) out8(KEYBOARD_COMMAND, KEYBOARD_RESET);
  for (;;) __asm__ volatile("cli; hlt");
}

uint32_t host_start(void) {
  crc32_prepare();
  checksum_at_start = checksum();
  measure_tsc();
  start_pics();
  started = processor_tsc();
  return read_epoch();
}
