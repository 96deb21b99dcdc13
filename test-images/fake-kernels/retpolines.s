# test: kernel-tables
# bits: 64
# Calls of and jumps to indirect thunks.

.macro thunk insn, register
1:  \insn __x86_indirect_thunk_\register
    .pushsection .retpoline_sites, "a"
    .long 1b - .
    .popsection
.endm

    .text
    .globl dispatch
dispatch:
    mov (%rdi), %rax
    thunk call, rax
    mov 8(%rdi), %rdx
    thunk jmp, rdx

    .globl __x86_indirect_thunk_rax
__x86_indirect_thunk_rax: jmp *%rax
    .globl __x86_indirect_thunk_rdx
__x86_indirect_thunk_rdx: jmp *%rdx
# ---- expected
# retpolines: 2
#   0x81000003
#   0x8100000c
