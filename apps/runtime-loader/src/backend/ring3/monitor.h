/* Between the parts of this back end. */
#ifndef MONITOR_H
#define MONITOR_H

#include <stdint.h>

void paging_start(void);
/* Frames [first, end) are the guest's, but for what is the monitor's. */
void paging_add_ram(uint32_t first, uint32_t end);
void processor_start(void);
void host_start(void);

/* What an entry in ring 0 pushes. */
struct monitor_frame {
  uint32_t es, ds;
  uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax;
  uint32_t vector, error;
  uint32_t eip, cs, eflags;
};
void monitor_fault(struct monitor_frame *frame);

#endif
