# test: kernel-tables
# bits: 32
# LOCK prefixes. The linker script fills the table with zeros up to a boundary; those rows mean nothing.

.macro lock_prefix
    .pushsection .smp_locks, "a"
    .balign 4
    .long 671f - .
    .popsection
671: lock
.endm

    .text
    .globl atomic_inc
atomic_inc:
    lock_prefix
    incl (%eax)
    ret
    .globl atomic_xadd
atomic_xadd:
    lock_prefix
    xadd %eax, (%edx)
    lock_prefix
    incl 4(%edx)
    ret
# ---- expected
# smpLocks: 3
#   0xc1000000
#   0xc1000004
#   0xc1000008
