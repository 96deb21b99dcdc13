# test: kallsyms
# bits: 32
# kallsyms as Linux 6.1 lays it out: offsets, base, number of symbols, names, markers, token table, token index. Tokens 1
# to 3 are longer strings, 0x80 to 0xff are not used, every other token is its own character.

.set base, startup_32
.macro symbol address, tokens:vararg
    .pushsection .rodata, 0
    .long \address - base
    .popsection
    .pushsection .rodata, 2
    .byte 9f - 8f
8:  .ascii \tokens
9:  .popsection
.endm

    .text
    .globl startup_32
startup_32: hlt
    ret
__x86_indirect_thunk_eax: jmp *%eax
__x86_indirect_thunk_edx: jmp *%edx
init: ret

    .section .rodata, "a"
# Numbered parts of one section, put one behind the other.
    .subsection 0
    .balign 4
kallsyms_offsets:
    .subsection 1
    .balign 4
    .long base
    .long 6
    .subsection 3
    .balign 4
    .long 0
    .subsection 4
    .balign 4
kallsyms_token_table:

    symbol startup_32, "Tstartup_32"
    symbol startup_32, "T_text"
    symbol startup_32 + 1, "tx"
    symbol __x86_indirect_thunk_eax, "T\1\2ax"
    symbol __x86_indirect_thunk_edx, "T\1\2dx"
    symbol init, "\3"

.macro token text
    .pushsection .rodata, 5
    .short 9f - kallsyms_token_table
    .popsection
9:  .asciz "\text"
.endm
    .subsection 5
    .balign 4
    .subsection 4
    token "?"
    token "__x86_"
    token "indirect_thunk_e"
    token "tinit"
    .rept 28
    token "?"
    .endr
.macro character code
    .pushsection .rodata, 5
    .short 9f - kallsyms_token_table
    .popsection
9:  .byte \code, 0
.endm
    .set code, 32
    .rept 95
    character code
    .set code, code + 1
    .endr
    .rept 129
    token ""
    .endr
# ---- expected
# c1000000 T startup_32
# c1000000 T _text
# c1000001 t x
# c1000002 T __x86_indirect_thunk_eax
# c1000004 T __x86_indirect_thunk_edx
# c1000006 t init
