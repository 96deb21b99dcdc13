/*
 * A 16550A serial port (data sheet of National's PC16550D) as COM1: ports 3F8h to 3FFh, interrupt line 4, which the modem
 * control register's OUT2 connects, as on a PC.
 *
 * The line is infinitely fast: what is written has been sent, so the transmitter is always empty. What is received waits in
 * a queue behind the FIFO of 16 bytes; without a FIFO, behind the one byte of the receiver. The other end is always ready
 * (CTS, DSR and carrier).
 */
#ifndef UART_H
#define UART_H

#include <stdbool.h>
#include <stdint.h>

struct devices;

enum { UART_LINE = 4, UART_QUEUE = 256 /* bytes, a power of two */ };

struct uart {
  uint8_t interrupt_enable, line_control, modem_control, scratch;
  uint8_t fifo_control;
  uint8_t divisor[2];
  uint8_t modem_change; /* low half of the modem status */
  uint8_t modem_lines;  /* high half as last seen */
  bool transmitter_asks; /* the interrupt "transmitter empty" waits */
  bool overrun;
  uint8_t received; /* bytes in the FIFO: the first of the queue */
  uint32_t first, count; /* of the queue */
  uint8_t queue[UART_QUEUE];
};

void uart_init(struct devices *devices);
uint8_t uart_in(struct devices *devices, uint16_t port);
void uart_out(struct devices *devices, uint16_t port, uint8_t value);

#endif
