/*
 * The pair of Intel 8259A interrupt controllers as a PC wires it: the slave's output is the master's input 2, lines 0 to 7
 * are the master's and 8 to 15 the slave's, all sense edges. (Data sheet 231468-003; names of words as there.)
 *
 * A line that falls before it was acknowledged takes its request with it, as in the chip. A timer's tick is different:
 * `pic_latch` keeps the request, because a tick seen late, by a monitor that looks now and then, is still a tick.
 * The level mode (LTIM), the 8085's vectors and the slave numbers of ICW3 have no effect, as in a PC's chipset.
 */
#ifndef PIC_H
#define PIC_H

#include <stdbool.h>
#include <stdint.h>

struct devices;

enum { PIC_MASTER, PIC_SLAVE, PIC_CASCADE = 2 /* the master's input that the slave drives */ };

struct pic_chip {
  uint8_t lines;     /* levels of the inputs */
  uint8_t request;   /* IRR, without the slave's request */
  uint8_t service;   /* ISR */
  uint8_t mask;      /* IMR */
  uint8_t vector;    /* of input 0 */
  uint8_t lowest;    /* input of the lowest priority; the next one has the highest */
  uint8_t next_word; /* the initialisation command word that is expected: 2, 3, 4; 0: none, the chip works */
  bool wants_word4, single;
  bool automatic_end, rotates, special_nesting, special_mask;
  bool reads_service, polled;
};

struct pic {
  struct pic_chip chips[2];
};

void pic_init(struct devices *devices);
uint8_t pic_in(struct devices *devices, uint16_t port);
void pic_out(struct devices *devices, uint16_t port, uint8_t value);

/* The level of an input line, 0 to 15. */
void pic_line(struct devices *devices, unsigned line, bool level);
/* An edge whose request stays until it is acknowledged. */
void pic_latch(struct devices *devices, unsigned line);
/* Would an edge on this line change anything: not masked, not requested already? */
bool pic_listens(const struct devices *devices, unsigned line);

#endif
