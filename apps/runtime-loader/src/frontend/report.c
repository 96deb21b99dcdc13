#include "report.h"

#include "backend.h"

enum { NOTES_MAX = 32 };

void report_text(const char *text) {
  for (; *text != 0; text++) {
    if (*text == '\n') backend_console_write('\r');
    backend_console_write((uint8_t)*text);
  }
}

void report_hex(uint32_t value) {
  report_text("0x");
  for (int shift = 28; shift >= 0; shift -= 4) backend_console_write((uint8_t)"0123456789abcdef"[(value >> shift) & 15]);
}

void report_decimal(uint32_t value) {
  char digits[11], *first = digits + 10;
  *first = 0;
  do *--first = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  report_text(first);
}

static void place(void) {
  report_text(", at ");
  report_hex(vcpu.regs.eip);
  report_text(vcpu.cpl == 0 ? " in the kernel" : " in a user program");
}

void report_guest(const char *what) {
  report_text("previrt: guest: ");
  report_text(what);
  place();
  report_text(", stack ");
  report_hex(vcpu.regs.esp);
  report_text(", fault address ");
  report_hex(vcpu.cr2);
  report_text("\n");
}

void report_guest_number(const char *what, uint32_t number) {
  static uint32_t notes;
  if (notes == NOTES_MAX) return;
  notes++;
  report_text("previrt: guest: ");
  report_text(what);
  report_text(" ");
  report_hex(number);
  place();
  report_text("\n");
}
