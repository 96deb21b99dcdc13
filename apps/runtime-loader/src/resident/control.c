/* Control registers. A number that i386 does not have cannot come out of a correct annotation: it reads as zero. */
#include "backend.h"
#include "routines.h"

ROUTINE void emulate_write_cr(uint32_t value, uint32_t number) {
  counters[KIND_MOV_TO_CR]++;
  switch (number) {
    case 0: backend_write_cr0(value); break;
    case 2: backend_write_cr2(value); break;
    case 3: backend_write_cr3(value); break;
    case 4: backend_write_cr4(value); break;
  }
}

ROUTINE uint32_t emulate_read_cr(uint32_t number) {
  counters[KIND_MOV_FROM_CR]++;
  switch (number) {
    case 0: return backend_read_cr0();
    case 2: return backend_read_cr2();
    case 3: return backend_read_cr3();
    case 4: return backend_read_cr4();
    default: return 0;
  }
}
