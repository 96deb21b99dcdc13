/* Whose physical memory is whose. */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

/* The largest guest: 2 GB. */
enum { FRAME_COUNT = 0x80000 };

enum frame_kind { FRAME_RAM, FRAME_ABSENT };
/* Is page frame `frame` the guest's? What is the monitor's counts as absent, and so does what the guest was not told of. */
enum frame_kind frame_kind(uint32_t frame);

/* The guest's memory: what is usable but for the BIOS's hole and the monitor. Gives its end in KiB. */
uint32_t frames_start(const struct machine *machine);

/* Frames shown in place of absent memory: one that reads as all ones; and one that takes writes and forgets them some time. */
uint32_t absent_frame(bool write);

#endif
