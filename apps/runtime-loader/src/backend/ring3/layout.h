/*
 * Where the monitor is. Physical memory: a fixed range behind the boot stage, which the guest's memory map leaves out. Linear
 * addresses: the last 64 MB, in every view, for ring 0 only; the guest's kernel is told `reservetop=64M`.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#define MONITOR_PHYSICAL 0x02c00000    /* a multiple of 4 MB: large pages map it */
#define MONITOR_SIZE 0x01c00000        /* 28 MB, the same */
#define MONITOR_LINEAR 0xfc000000
#define WINDOW_LINEAR 0xfe000000       /* 16 MB of 4 KB pages: see window.c */
#define WINDOW_SIZE 0x01000000
#define MONITOR_ARGUMENTS " reservetop=64M"   /* for the guest's command line: it leaves the monitor's addresses free */
#define BOOT_MAPPED 0x40000000         /* physical memory that the monitor's first tables map one to one */

/* Selectors behind the rows that a guest may have. */
#define MONITOR_CODE 0xff80
#define MONITOR_DATA 0xff88
#define MONITOR_TASK 0xff90

#define MONITOR_LDT 0xff98

/* Bytes set aside for struct vcpu. */
#define VCPU_ROOM 1024

/* Vectors of the host's interrupts. Their gates are for ring 0: the guest's `int` instructions do not reach them. */
#define HOST_VECTOR 0x20
#define HOST_VECTOR_END 0x30

#endif
