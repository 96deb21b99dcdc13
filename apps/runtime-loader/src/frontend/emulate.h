/* Sensitive instructions, one function for each kind; used by every path that leads here. */
#ifndef EMULATE_H
#define EMULATE_H

/* Emulates the instruction at EIP, or delivers the exception that it makes. */
void emulate_instruction(void);

#endif
