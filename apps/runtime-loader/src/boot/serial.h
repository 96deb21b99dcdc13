/* Text on COM1. */
#ifndef SERIAL_H
#define SERIAL_H

#include <stdint.h>

void serial_open(void);
void serial_text(const char *text);
void serial_decimal(uint32_t value);
void serial_hex(uint32_t value);   /* 0x and eight digits */

#endif
