/* The catalogue numbers of the kinds of sites that guest-side code has to know (packages/sensitive, catalogue). */
#ifndef KINDS_H
#define KINDS_H

#define KIND_STI 2
#define KIND_IN 32
#define KIND_OUT 33
#define KIND_MOV_TO_CR 80
#define KIND_MOV_FROM_CR 81
#define KIND_RDMSR 87
#define KIND_WRMSR 88
#define KIND_CPUID 112
#define KIND_RDTSC 113

/* One counter for each kind number, assigned or not. */
#define KIND_COUNT 256

#endif
