/*
 * The devices as a program of the machine that builds it, for tests: reads a script on standard input, a command a line,
 * and prints for each a line with what came of it. Ports and values are hexadecimal, times decimal nanoseconds.
 *
 *   host-devices [EPOCH MEMORY_KIB]
 *
 *   at TIME               lets time pass until TIME
 *   wait TIME             lets TIME pass
 *   in PORT [SIZE]        prints the value
 *   out PORT VALUE [SIZE]
 *   key BYTE              a byte arrives at the serial port; prints 1, or 0 if there is no room
 *   line LINE LEVEL       sets an input of the interrupt controllers, 0 to 15
 *   pending               prints 1 if the interrupt line is up, otherwise 0
 *   ack                   prints the vector
 *   next                  prints the time of the next event, or "never"
 *
 * The line begins with what the devices called for: "sent BYTE", "unknown in|out PORT", "reset". Exit code 2: not a
 * command; 3: what must hold between any two commands does not.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../devices/devices.h"

static void sent(void *context, uint8_t byte) {
  fprintf(context, "sent %02x ", byte);
}

static void unknown(void *context, uint16_t port, bool write, uint8_t value) {
  (void)value;
  fprintf(context, "unknown %s %x ", write ? "out" : "in", port);
}

static void reset(void *context) {
  fputs("reset ", context);
}

static bool run(struct devices *devices, const char *line) {
  char command[16];
  unsigned port = 0, value = 0, size = 1;
  uint64_t time = 0;
  if (sscanf(line, "%15s", command) != 1) return false;
  if (strcmp(command, "at") == 0 && sscanf(line, "at %" SCNu64, &time) == 1) {
    devices_advance(devices, time);
  } else if (strcmp(command, "wait") == 0 && sscanf(line, "wait %" SCNu64, &time) == 1) {
    devices_advance(devices, devices->now + time);
  } else if (strcmp(command, "in") == 0 && sscanf(line, "in %x %u", &port, &size) >= 1 && size <= 4) {
    printf("%0*" PRIx32, (int)(2 * size), devices_in(devices, (uint16_t)port, size));
  } else if (strcmp(command, "out") == 0 && sscanf(line, "out %x %x %u", &port, &value, &size) >= 2 && size <= 4) {
    devices_out(devices, (uint16_t)port, size, value);
  } else if (strcmp(command, "key") == 0 && sscanf(line, "key %x", &value) == 1) {
    printf("%d", devices_console_input(devices, (uint8_t)value));
  } else if (strcmp(command, "line") == 0 && sscanf(line, "line %u %u", &port, &value) == 2 && port < 16) {
    pic_line(devices, port, value != 0);
  } else if (strcmp(command, "pending") == 0) {
    printf("%d", devices_pending(devices));
  } else if (strcmp(command, "ack") == 0) {
    printf("%02x", (unsigned)devices_acknowledge(devices));
  } else if (strcmp(command, "next") == 0) {
    uint64_t next = devices_next_event(devices);
    if (next == DEVICES_NEVER) fputs("never", stdout);
    else printf("%" PRIu64, next);
  } else {
    return false;
  }
  putchar('\n');
  return true;
}

/* What a guest's writes cannot break. */
static bool holds(const struct devices *devices) {
  const struct uart *uart = &devices->uart;
  uint64_t next = devices_next_event(devices);
  for (int index = 0; index < PIT_CHANNELS; index++) {
    const struct pit_channel *channel = &devices->pit.channels[index];
    if (channel->count < 1 || channel->count > 0x10000 || channel->next < 1 || channel->next > 0x10000) return false;
    if (channel->takes && channel->take_at <= devices->pit.clock) return false;
  }
  return uart->received <= 16 && uart->received <= uart->count && uart->count <= UART_QUEUE && uart->first < UART_QUEUE &&
         devices->cmos.index < CMOS_BYTES && (next > devices->now || next == DEVICES_NEVER);
}

int main(int count, char **arguments) {
  struct devices_setup setup = {
    .host = {stdout, sent, unknown, reset},
    .epoch = count > 1 ? (uint32_t)strtoul(arguments[1], NULL, 0) : 0,
    .memory_kib = count > 2 ? (uint32_t)strtoul(arguments[2], NULL, 0) : 0,
  };
  struct devices *devices = malloc(sizeof *devices);
  char line[128];
  if (devices == NULL) return 2;
  devices_init(devices, &setup);
  while (fgets(line, sizeof line, stdin) != NULL) {
    int code = !run(devices, line) ? 2 : !holds(devices) ? 3 : 0;
    if (code == 0) continue;
    fprintf(stderr, "host-devices: %s: %s", code == 2 ? "not a command" : "broken", line);
    free(devices);
    return code;
  }
  free(devices);
  return 0;
}
