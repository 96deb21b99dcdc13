/* Between the parts of this back end. */
#ifndef MONITOR_H
#define MONITOR_H

#include <stdbool.h>
#include <stdint.h>

void paging_start(void);
void processor_start(void);
/* Gives the seconds since 1970-01-01. */
uint32_t host_start(void);
/* Is `vector` an interrupt of the host? Then it is acknowledged. */
bool host_interrupt(uint32_t vector);

/* What an entry in ring 0 pushes. */
struct monitor_frame {
  uint32_t es, ds;
  uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax;
  uint32_t vector, error;
  uint32_t eip, cs, eflags;
};
void monitor_fault(struct monitor_frame *frame);

#endif
