/* What the monitor says about its guest, on the console, each in lines that start with "previrt:". */
#ifndef REPORT_H
#define REPORT_H

#include <stdint.h>

void report_text(const char *text);
void report_hex(uint32_t value);
void report_decimal(uint32_t value);
/* What happened, and where the guest is. */
void report_guest(const char *what);
/* The same with a number, and only the first few times: a guest must not be able to flood the console. */
void report_guest_number(const char *what, uint32_t number);

#endif
