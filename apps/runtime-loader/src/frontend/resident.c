#include "resident.h"

#include "backend.h"
#include "formats.h"

volatile struct shared_words *resident_words(void) {
  uint8_t *page = backend_window(RESIDENT_PHYSICAL >> 12);
  return (volatile struct shared_words *)(page + SHARED_OFFSET);
}

bool resident_contains(uint32_t address) {
  return address - (RESIDENT_PHYSICAL + RESIDENT_PAGE_OFFSET) < RESIDENT_END - RESIDENT_PHYSICAL;
}

uint32_t resident_frame(uint32_t address) {
  return (address - RESIDENT_PAGE_OFFSET) >> 12;
}

void resident_publish_pending(bool pending) {
  resident_words()->pending = pending;
}

void resident_publish_control(void) {
  volatile struct shared_words *words = resident_words();
  words->cr0 = vcpu.cr0, words->cr2 = vcpu.cr2, words->cr3 = vcpu.cr3, words->cr4 = vcpu.cr4;
}
