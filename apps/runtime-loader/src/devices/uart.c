/* 16550A: registers, interrupt identification, loopback. */
#include "devices.h"

enum { DATA, INTERRUPT_ENABLE, FIFO_CONTROL, LINE_CONTROL, MODEM_CONTROL, LINE_STATUS, MODEM_STATUS, SCRATCH, REGISTERS };
enum { ENABLE_RECEIVED = 1, ENABLE_TRANSMITTER = 2, ENABLE_LINE = 4, ENABLE_MODEM = 8, ENABLES = 15 };
enum { WHY_MODEM = 0, WHY_NOTHING = 1, WHY_TRANSMITTER = 2, WHY_RECEIVED = 4, WHY_LINE = 6, WHY_TIMEOUT = 12, WHY_FIFO = 0xc0 };
enum { FIFO_ON = 1, FIFO_EMPTY_RECEIVER = 2, FIFO_KEPT = 0xc9, FIFO_TRIGGER_SHIFT = 6, FIFO_SIZE = 16 };
enum { DIVISOR_ACCESS = 0x80 };
enum { TERMINAL_READY = 1, REQUEST_TO_SEND = 2, OUT1 = 4, OUT2 = 8, LOOPBACK = 16, MODEM_CONTROLS = 31 };
enum { DATA_READY = 1, OVERRUN = 2, TRANSMITTER_EMPTY = 0x60 };
enum { CLEAR_TO_SEND = 0x10, SET_READY = 0x20, RING = 0x40, CARRIER = 0x80 };

static unsigned room_of(const struct uart *uart) {
  return uart->fifo_control & FIFO_ON ? FIFO_SIZE : 1;
}

/* Bytes in the FIFO that make an interrupt. */
static unsigned trigger_of(const struct uart *uart) {
  static const uint8_t triggers[] = {1, 4, 8, 14};
  return uart->fifo_control & FIFO_ON ? triggers[uart->fifo_control >> FIFO_TRIGGER_SHIFT] : 1;
}

static uint8_t modem_lines(const struct uart *uart) {
  uint8_t control = uart->modem_control;
  if (!(control & LOOPBACK)) return CARRIER | SET_READY | CLEAR_TO_SEND;
  return (uint8_t)((control & REQUEST_TO_SEND ? CLEAR_TO_SEND : 0) | (control & TERMINAL_READY ? SET_READY : 0) |
                   (control & OUT1 ? RING : 0) | (control & OUT2 ? CARRIER : 0));
}

/* The reason of the highest priority, as the interrupt identification register has it. */
static uint8_t reason(const struct uart *uart) {
  if (uart->interrupt_enable & ENABLE_LINE && uart->overrun) return WHY_LINE;
  /* The time in which no more bytes come (four characters) is over at once. */
  if (uart->interrupt_enable & ENABLE_RECEIVED && uart->received > 0)
    return uart->received >= trigger_of(uart) ? WHY_RECEIVED : WHY_TIMEOUT;
  if (uart->interrupt_enable & ENABLE_TRANSMITTER && uart->transmitter_asks) return WHY_TRANSMITTER;
  if (uart->interrupt_enable & ENABLE_MODEM && uart->modem_change != 0) return WHY_MODEM;
  return WHY_NOTHING;
}

/* Loopback takes OUT2 off its pin, and the interrupt with it. */
static void update(struct devices *devices) {
  const struct uart *uart = &devices->uart;
  bool connected = (uart->modem_control & (OUT2 | LOOPBACK)) == OUT2;
  pic_line(devices, UART_LINE, connected && reason(uart) != WHY_NOTHING);
}

/* Bytes move from the queue into the FIFO. Nothing comes from the line in loopback. */
static void receive(struct uart *uart) {
  unsigned room = room_of(uart);
  if (uart->modem_control & LOOPBACK) return;
  uart->received = (uint8_t)(uart->count < room ? uart->count : room);
}

static uint8_t read_data(struct uart *uart) {
  if (uart->received == 0) return 0;
  uint8_t byte = uart->queue[uart->first];
  uart->first = (uart->first + 1) % UART_QUEUE;
  uart->count--;
  uart->received--;
  return byte;
}

static void empty_receiver(struct uart *uart) {
  while (uart->received > 0) read_data(uart);
}

bool devices_console_input(struct devices *devices, uint8_t byte) {
  struct uart *uart = &devices->uart;
  if (uart->count == UART_QUEUE) return false;
  uart->queue[(uart->first + uart->count++) % UART_QUEUE] = byte;
  receive(uart);
  update(devices);
  return true;
}

/* A byte that comes back in loopback goes to the FIFO's end, before what waits on the line. */
static void loop_back(struct uart *uart, uint8_t byte) {
  if (uart->received >= room_of(uart) || uart->count == UART_QUEUE) {
    uart->overrun = true;
    return;
  }
  for (uint32_t at = uart->count; at > uart->received; at--)
    uart->queue[(uart->first + at) % UART_QUEUE] = uart->queue[(uart->first + at - 1) % UART_QUEUE];
  uart->queue[(uart->first + uart->received++) % UART_QUEUE] = byte;
  uart->count++;
}

static void transmit(struct devices *devices, uint8_t byte) {
  struct uart *uart = &devices->uart;
  uart->transmitter_asks = false;
  update(devices); /* an edge for each byte, as the line falls while it is sent */
  if (uart->modem_control & LOOPBACK) loop_back(uart, byte);
  else if (devices->host.console_output != 0) devices->host.console_output(devices->host.context, byte);
  uart->transmitter_asks = true;
}

static void set_fifo(struct uart *uart, uint8_t value) {
  bool changed = ((value ^ uart->fifo_control) & FIFO_ON) != 0;
  if (changed || (value & FIFO_ON && value & FIFO_EMPTY_RECEIVER)) empty_receiver(uart);
  uart->fifo_control = value & FIFO_ON ? value & FIFO_KEPT : 0;
}

static void set_modem(struct uart *uart, uint8_t value) {
  uart->modem_control = value & MODEM_CONTROLS;
  uint8_t lines = modem_lines(uart), changed = lines ^ uart->modem_lines;
  changed &= (uint8_t)~(lines & RING); /* only the end of a ring is a change */
  uart->modem_change |= changed >> 4;
  uart->modem_lines = lines;
}

uint8_t uart_in(struct devices *devices, uint16_t port) {
  struct uart *uart = &devices->uart;
  bool divisor = uart->line_control & DIVISOR_ACCESS;
  uint8_t value = 0xff;
  switch (port % REGISTERS) {
  case DATA:
    if (divisor) return uart->divisor[0];
    value = read_data(uart);
    receive(uart);
    break;
  case INTERRUPT_ENABLE:
    return divisor ? uart->divisor[1] : uart->interrupt_enable;
  case FIFO_CONTROL: /* interrupt identification */
    value = reason(uart);
    if (value == WHY_TRANSMITTER) uart->transmitter_asks = false;
    if (uart->fifo_control & FIFO_ON) value |= WHY_FIFO;
    break;
  case LINE_CONTROL:
    return uart->line_control;
  case MODEM_CONTROL:
    return uart->modem_control;
  case LINE_STATUS:
    value = TRANSMITTER_EMPTY | (uart->received > 0 ? DATA_READY : 0) | (uart->overrun ? OVERRUN : 0);
    uart->overrun = false;
    break;
  case MODEM_STATUS:
    value = uart->modem_lines | uart->modem_change;
    uart->modem_change = 0;
    break;
  case SCRATCH:
    return uart->scratch;
  }
  update(devices);
  return value;
}

void uart_out(struct devices *devices, uint16_t port, uint8_t value) {
  struct uart *uart = &devices->uart;
  bool divisor = uart->line_control & DIVISOR_ACCESS;
  switch (port % REGISTERS) {
  case DATA:
    if (divisor) uart->divisor[0] = value;
    else transmit(devices, value);
    break;
  case INTERRUPT_ENABLE:
    if (divisor) {
      uart->divisor[1] = value;
    } else {
      if (value & ~uart->interrupt_enable & ENABLE_TRANSMITTER) uart->transmitter_asks = true;
      uart->interrupt_enable = value & ENABLES;
    }
    break;
  case FIFO_CONTROL:
    set_fifo(uart, value);
    break;
  case LINE_CONTROL:
    uart->line_control = value;
    break;
  case MODEM_CONTROL:
    set_modem(uart, value);
    break;
  case SCRATCH:
    uart->scratch = value;
    break;
  }
  receive(uart);
  update(devices);
}

void uart_init(struct devices *devices) {
  struct uart *uart = &devices->uart;
  uart->divisor[0] = 1; /* 115,200 baud */
  uart->line_control = 3; /* 8 bits, no parity, 1 stop bit */
  uart->modem_lines = modem_lines(uart);
}
