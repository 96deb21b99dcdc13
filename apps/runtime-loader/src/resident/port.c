/* Port input and output. The port is the low half of EDX; a narrow input leaves the rest of EAX alone. */
#include "backend.h"
#include "routines.h"

ROUTINE uint32_t emulate_in8(uint32_t eax, uint32_t port) {
  counters[KIND_IN]++;
  return (eax & ~0xffu) | backend_in8((uint16_t)port);
}

ROUTINE uint32_t emulate_in16(uint32_t eax, uint32_t port) {
  counters[KIND_IN]++;
  return (eax & ~0xffffu) | backend_in16((uint16_t)port);
}

ROUTINE uint32_t emulate_in32(uint32_t eax, uint32_t port) {
  (void)eax;
  counters[KIND_IN]++;
  return backend_in32((uint16_t)port);
}

ROUTINE void emulate_out8(uint32_t value, uint32_t port) {
  counters[KIND_OUT]++;
  backend_out8((uint16_t)port, (uint8_t)value);
}

ROUTINE void emulate_out16(uint32_t value, uint32_t port) {
  counters[KIND_OUT]++;
  backend_out16((uint16_t)port, (uint16_t)value);
}

ROUTINE void emulate_out32(uint32_t value, uint32_t port) {
  counters[KIND_OUT]++;
  backend_out32((uint16_t)port, value);
}
