#include "walk.h"

#include "backend.h"

#define ADDRESS_MASK 0xfffff000u

uint32_t entry_bits(void) {
  return vcpu.cr4 & CR4_PAE ? 9 : 10;
}

uint32_t directory_frame(uint32_t address) {
  if (!(vcpu.cr4 & CR4_PAE)) return vcpu.cr3 >> 12;
  uint64_t pointer = vcpu.pdpte[address >> 30];
  if (!(pointer & ENTRY_PRESENT) || pointer >> 32 != 0) return NO_FRAME;
  return (uint32_t)pointer >> 12;
}

struct guest_entry guest_entry_read(uint32_t frame, uint32_t index) {
  if (!(vcpu.cr4 & CR4_PAE)) {
    uint32_t address = (frame << 12) + index * 4;
    return (struct guest_entry){address, physical_read(address), false};
  }
  uint32_t address = (frame << 12) + index * 8;
  return (struct guest_entry){address, physical_read(address), physical_read(address + 4) != 0};
}

static void set_bits(const struct guest_entry *entry, uint32_t bits) {
  if ((entry->low & bits) != bits) physical_write(entry->address, entry->low | bits);
}

static bool refused(struct walk *walk, uint32_t error) {
  walk->error = error;
  return false;
}

static bool permits(const struct guest_entry *entry, uint32_t access) {
  if (access & ACCESS_USER && !(entry->low & ENTRY_USER)) return false;
  if (access & ACCESS_WRITE && !(entry->low & ENTRY_WRITE)) return !(access & ACCESS_USER) && !(vcpu.cr0 & CR0_WP);
  return true;
}

bool walk(struct walk *walk, uint32_t address, uint32_t access) {
  *walk = (struct walk){0};
  if (!paging()) {
    walk->large = true;
    walk->frame = address >> 12;
    walk->directory.low = ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USER | ENTRY_DIRTY | ENTRY_ACCESSED;
    return true;
  }
  uint32_t bits = entry_bits(), asked = access & (FAULT_WRITE | FAULT_USER);
  uint32_t directory = directory_frame(address);
  if (directory == NO_FRAME) return refused(walk, asked);
  walk->directory = guest_entry_read(directory, directory_index(address, bits));
  if (!(walk->directory.low & ENTRY_PRESENT)) return refused(walk, asked);
  walk->large = walk->directory.low & ENTRY_LARGE && (bits == 9 || vcpu.cr4 & CR4_PSE);
  if (walk->large) {
    if (!permits(&walk->directory, access)) return refused(walk, asked | FAULT_PRESENT);
    set_bits(&walk->directory, ENTRY_ACCESSED | (access & ACCESS_WRITE ? ENTRY_DIRTY : 0));
    walk->directory.low |= ENTRY_ACCESSED | (access & ACCESS_WRITE ? ENTRY_DIRTY : 0);
    uint32_t inside = table_index(address, bits), base = walk->directory.low >> 12 & ~((1u << bits) - 1);
    walk->frame = walk->directory.far ? NO_FRAME : base | inside;
    return true;
  }
  if (walk->directory.far) return refused(walk, asked);
  walk->table = guest_entry_read((walk->directory.low & ADDRESS_MASK) >> 12, table_index(address, bits));
  if (!(walk->table.low & ENTRY_PRESENT)) return refused(walk, asked);
  if (!permits(&walk->directory, access) || !permits(&walk->table, access)) return refused(walk, asked | FAULT_PRESENT);
  set_bits(&walk->directory, ENTRY_ACCESSED);
  set_bits(&walk->table, ENTRY_ACCESSED | (access & ACCESS_WRITE ? ENTRY_DIRTY : 0));
  walk->directory.low |= ENTRY_ACCESSED;
  walk->table.low |= ENTRY_ACCESSED | (access & ACCESS_WRITE ? ENTRY_DIRTY : 0);
  walk->frame = walk->table.far ? NO_FRAME : walk->table.low >> 12;
  return true;
}
