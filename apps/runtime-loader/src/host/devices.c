/*
 * The devices as a program of the machine that builds it, for tests: reads a script on standard input, a command a line,
 * and prints what comes of it, a result a line. Ports and values are hexadecimal, times decimal nanoseconds.
 *
 *   host-devices [EPOCH MEMORY_KIB]
 *
 *   at TIME               lets time pass until TIME
 *   in PORT [SIZE]        prints the value
 *   out PORT VALUE [SIZE]
 *   key BYTE              a byte arrives at the serial port; prints 1, or 0 if there is no room
 *   pending               prints 1 if the interrupt line is up, otherwise 0
 *   ack                   prints the vector
 *   next                  prints the time of the next event, or "never"
 *
 * Prints also, when it happens, "sent BYTE", "unknown in|out PORT" and "reset". Exit code 2: not a command.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../devices/devices.h"

static void sent(void *context, uint8_t byte) {
  fprintf(context, "sent %02x\n", byte);
}

static void unknown(void *context, uint16_t port, bool write, uint8_t value) {
  (void)value;
  fprintf(context, "unknown %s %x\n", write ? "out" : "in", port);
}

static void reset(void *context) {
  fputs("reset\n", context);
}

static bool run(struct devices *devices, const char *line) {
  char command[16];
  unsigned port = 0, value = 0, size = 1;
  uint64_t time = 0;
  if (sscanf(line, "%15s", command) != 1) return false;
  if (strcmp(command, "at") == 0 && sscanf(line, "at %" SCNu64, &time) == 1) {
    devices_advance(devices, time);
  } else if (strcmp(command, "in") == 0 && sscanf(line, "in %x %u", &port, &size) >= 1 && size <= 4) {
    printf("%0*" PRIx32 "\n", (int)(2 * size), devices_in(devices, (uint16_t)port, size));
  } else if (strcmp(command, "out") == 0 && sscanf(line, "out %x %x %u", &port, &value, &size) >= 2 && size <= 4) {
    devices_out(devices, (uint16_t)port, size, value);
  } else if (strcmp(command, "key") == 0 && sscanf(line, "key %x", &value) == 1) {
    printf("%d\n", devices_console_input(devices, (uint8_t)value));
  } else if (strcmp(command, "pending") == 0) {
    printf("%d\n", devices_pending(devices));
  } else if (strcmp(command, "ack") == 0) {
    printf("%02x\n", (unsigned)devices_acknowledge(devices));
  } else if (strcmp(command, "next") == 0) {
    uint64_t next = devices_next_event(devices);
    if (next == DEVICES_NEVER) puts("never");
    else printf("%" PRIu64 "\n", next);
  } else {
    return false;
  }
  return true;
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
    if (run(devices, line)) continue;
    fprintf(stderr, "host-devices: not a command: %s", line);
    free(devices);
    return 2;
  }
  free(devices);
  return 0;
}
