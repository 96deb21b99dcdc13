/*
 * What a back end is: mechanism without policy. The front end decides what an instruction means to the guest, which page is seen
 * where and when an interrupt arrives; a back end does what only the hypervisor can do. To port the front end, implement these
 * operations and provide `struct vcpu vcpu`.
 *
 * Page tables. The guest never runs on its own tables but on *shadow tables*, which the front end keeps. A shadow table has the
 * format of the guest's paging mode: 1024 entries of 32 bits, or with PAE 512 of 64 bits, whose upper halves are always 0.
 * A table is named by its number, 1 to TABLE_COUNT - 1. Entries are written as the processor has them.
 */
#ifndef FRONTEND_BACKEND_H
#define FRONTEND_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "vcpu.h"

/* ---- memory ---- */

enum frame_kind { FRAME_RAM, FRAME_ABSENT, FRAME_FORBIDDEN };
/* Whose page frame `frame` (physical address / 4096) is: the guest's, nobody's, or the monitor's. */
enum frame_kind backend_frame_kind(uint32_t frame);

/* The guest's physical memory: `frame` must be the guest's. The pointer is good until the next call for another frame. */
void *backend_window(uint32_t frame);

/* Frames shown in place of absent memory: reads as all ones; and one that takes writes and forgets them some time. */
uint32_t backend_absent_frame(bool write);

/* ---- shadow tables ---- */

enum { TABLE_COUNT = 2048 };
/* The frame of a table, for entries that point to it; and the table that such a frame is. */
uint32_t backend_table_frame(uint32_t table);
uint32_t backend_table_of(uint32_t frame);
/* All entries become 0. With `top`, the entries of the last gigabyte that show the monitor to itself are put in. */
void backend_table_clear(uint32_t table, bool top);
/* A pointer to the low word of an entry. */
uint32_t *backend_entry(uint32_t table, uint32_t index);
/* First linear address of the monitor: nothing of the guest may ever be mapped from here on. */
uint32_t backend_monitor_start(void);

/* The format of all tables from now on; every table has been forgotten before. The guest's paging is off. */
void backend_tables_format(bool pae);
/* Runs on these tables: `directories[0]`, or with PAE all four. Nothing cached from before survives. */
void backend_root_load(const uint32_t directories[4]);
/* Forgets what the processor has cached about the page at `address`. */
void backend_flush_page(uint32_t address);

/* ---- the processor ---- */

/* Runs the guest until it traps or an interrupt of the host arrives; then `vcpu.regs.vector` says which. */
void backend_enter(void);
/* The processor's address of the last page fault. */
uint32_t backend_fault_address(void);
/* Writes (0: it is nobody's) row `index` of the descriptor table for the guest's kernel (`user` false) or its user programs; `local`: of the LDT. */
void backend_descriptor_set(bool user, bool local, uint32_t index, uint64_t descriptor);
uint64_t backend_descriptor_get(bool user, bool local, uint32_t index);
enum { DESCRIPTOR_COUNT = 8176 };   /* rows that a guest may use */
/* Which of the two pairs of tables the processor uses. */
void backend_descriptors_use(bool user);
/* FS and GS, which stay in the processor. A load that faults loads 0 and gives false. */
uint32_t backend_fs(void);
uint32_t backend_gs(void);
bool backend_fs_load(uint32_t selector);
bool backend_gs_load(uint32_t selector);
/* TS, EM and MP of the real CR0, and what of CR4 the guest's programs depend on (OSFXSR, OSXMMEXCPT, TSD). */
void backend_fpu_control(uint32_t cr0, uint32_t cr4);
void backend_cpuid(uint32_t *eax, uint32_t *ebx, uint32_t *ecx, uint32_t *edx);
uint64_t backend_rdtsc(void);

/* ---- time and the world ---- */

/* Seconds since 1970-01-01 when the guest started. */
uint32_t backend_epoch(void);
/* Nanoseconds since the guest started. */
uint64_t backend_now(void);
/* An interrupt of the host at that time, or soon after; replaces the one asked for before. */
void backend_timer_set(uint64_t deadline);
/* Is `vector` an interrupt of the host? Then it is acknowledged. */
bool backend_host_interrupt(uint32_t vector);
/* Waits for an interrupt of the host. */
void backend_idle(void);
void backend_console_write(uint8_t byte);
/* A byte from the console, or -1. */
int backend_console_read(void);
enum shutdown { SHUTDOWN_RESET, SHUTDOWN_HALT, SHUTDOWN_FAULT };
_Noreturn void backend_shutdown(enum shutdown why);

#endif
