/* COM1, a 16550: 115200 baud, 8N1, polled. */
#include "serial.h"

#include "backend.h"

enum { COM1 = 0x3f8, DATA = 0, INTERRUPT_ENABLE = 1, FIFO_CONTROL = 2, LINE_CONTROL = 3, MODEM_CONTROL = 4, LINE_STATUS = 5 };
enum { DIVISOR_ACCESS = 0x80, EIGHT_BITS = 3, FIFO_ENABLE = 7, READY_TO_SEND = 3, TRANSMITTER_EMPTY = 0x20 };

/* Longer than a byte takes on any line; a machine without COM1 must not hang here. */
enum { POLLS_MAX = 1 << 16 };

void serial_open(void) {
  backend_out8(COM1 + INTERRUPT_ENABLE, 0);
  backend_out8(COM1 + LINE_CONTROL, DIVISOR_ACCESS | EIGHT_BITS);
  backend_out8(COM1 + DATA, 1);
  backend_out8(COM1 + INTERRUPT_ENABLE, 0);
  backend_out8(COM1 + LINE_CONTROL, EIGHT_BITS);
  backend_out8(COM1 + FIFO_CONTROL, FIFO_ENABLE);
  backend_out8(COM1 + MODEM_CONTROL, READY_TO_SEND);
}

static void serial_byte(char byte) {
  for (int polls = 0; polls < POLLS_MAX && !(backend_in8(COM1 + LINE_STATUS) & TRANSMITTER_EMPTY); polls++) continue;
  backend_out8(COM1 + DATA, (uint8_t)byte);
}

void serial_text(const char *text) {
  for (; *text != 0; text++) {
    if (*text == '\n') serial_byte('\r');
    serial_byte(*text);
  }
}

void serial_decimal(uint32_t value) {
  char digits[11], *first = digits + 10;
  *first = 0;
  do *--first = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  serial_text(first);
}

void serial_hex(uint32_t value) {
  serial_text("0x");
  for (int shift = 28; shift >= 0; shift -= 4) serial_byte("0123456789abcdef"[(value >> shift) & 15]);
}
