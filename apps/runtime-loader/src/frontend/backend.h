/*
 * What a back end is: mechanism without policy. The front end decides what an instruction means to the guest, which page is seen
 * where and when an interrupt arrives; a back end does what only the hypervisor can do. docs/hypervisors.md is the contract in
 * full: to port the front end, write `layout.h`, provide `struct vcpu vcpu` and these operations, and call `guest_run`.
 */
#ifndef FRONTEND_BACKEND_H
#define FRONTEND_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "descriptors.h"
#include "vcpu.h"

/* ---- memory ---- */

/* The guest's physical memory: `frame` (physical address / 4096) must be the guest's. The pointer is good until the next call for another frame. */
void *backend_window(uint32_t frame);
/* The frame of a page of the monitor's own memory. */
uint32_t backend_frame_of(const void *page);

/* ---- page tables, which are the front end's; the guest never runs on its own ---- */

/* Puts the entries that show the monitor to itself, and to nobody else, into an empty directory of the last gigabyte. */
void backend_own_entries(uint32_t *directory, bool pae);
/*
 * Runs on the directory in frame `directories[0]`, or with PAE on all four, of which 0 is none. The format may be another one
 * than before. Nothing cached from before survives.
 */
void backend_root_load(bool pae, const uint32_t directories[4]);
/* Forgets what the processor has cached about the page at `address`. */
void backend_flush_page(uint32_t address);

/* ---- the processor ---- */

/*
 * Runs the guest with `vcpu.regs` until it traps or an interrupt of the host arrives; `vcpu.regs` says where it is then, and which
 * vector and error code it was, `vcpu.fault_address` where a page fault was. True: an interrupt of the host, and it is acknowledged.
 */
bool backend_enter(void);
/*
 * Writes (0: it is nobody's) row `index`, below DESCRIPTOR_COUNT, of the GDT, or `local`, the LDT, for the guest's kernel (`user`
 * false) or its user programs.
 */
void backend_descriptor_set(bool user, bool local, uint32_t index, uint64_t descriptor);
/* Which of the two pairs of tables the processor uses. */
void backend_descriptors_use(bool user);
/* FS and GS, which stay in the processor. A load that faults loads 0 and gives false. */
uint32_t backend_segment(enum segment_register segment);
bool backend_segment_load(enum segment_register segment, uint32_t selector);
/* TS, EM and MP of the real CR0, and what of CR4 the guest's programs depend on (OSFXSR, OSXMMEXCPT, TSD). */
void backend_fpu_control(uint32_t cr0, uint32_t cr4);
/* What the processor is; the front end offers no more of it to the guest than it can keep. */
void backend_cpuid(uint32_t *eax, uint32_t *ebx, uint32_t *ecx, uint32_t *edx);

/* ---- time and the world ---- */

/* Nanoseconds since the guest started. */
uint64_t backend_now(void);
/* An interrupt of the host at that time, or soon after; replaces the one asked for before. */
void backend_timer_set(uint64_t deadline);
/* Waits for an interrupt of the host, and acknowledges it. */
void backend_idle(void);
void backend_console_write(uint8_t byte);
/* A byte from the console, or -1. */
int backend_console_read(void);
enum shutdown { SHUTDOWN_RESET, SHUTDOWN_HALT, SHUTDOWN_FAULT };
_Noreturn void backend_shutdown(enum shutdown why);

#endif
