/* The catalogue numbers of the kinds of sites that guest-side code has to know (packages/sensitive, catalogue). */
#ifndef KINDS_H
#define KINDS_H

#define KIND_CLI 1
#define KIND_STI 2
#define KIND_PUSHF 3
#define KIND_POPF 4
#define KIND_HLT 5
#define KIND_IRET 16
#define KIND_CALL_FAR 17
#define KIND_JMP_FAR 18
#define KIND_RET_FAR 19
#define KIND_INT 20
#define KIND_SYSENTER 22
#define KIND_SYSEXIT 23
#define KIND_IN 32
#define KIND_OUT 33
#define KIND_MOV_TO_SREG 48
#define KIND_MOV_FROM_SREG 49
#define KIND_PUSH_SREG 50
#define KIND_POP_SREG 51
#define KIND_LDS 52
#define KIND_LES 53
#define KIND_LFS 54
#define KIND_LGS 55
#define KIND_LSS 56
#define KIND_LGDT 57
#define KIND_SGDT 58
#define KIND_LIDT 59
#define KIND_SIDT 60
#define KIND_LLDT 61
#define KIND_SLDT 62
#define KIND_LTR 63
#define KIND_STR 64
#define KIND_LAR 65
#define KIND_LSL 66
#define KIND_VERR 67
#define KIND_VERW 68
#define KIND_MOV_TO_CR 80
#define KIND_MOV_FROM_CR 81
#define KIND_MOV_TO_DR 82
#define KIND_MOV_FROM_DR 83
#define KIND_CLTS 84
#define KIND_LMSW 85
#define KIND_SMSW 86
#define KIND_RDMSR 87
#define KIND_WRMSR 88
#define KIND_CPUID 112
#define KIND_RDTSC 113
#define KIND_INVD 128
#define KIND_WBINVD 129
#define KIND_INVLPG 131

/* One counter for each kind number, assigned or not. */
#define KIND_COUNT 256

#endif
