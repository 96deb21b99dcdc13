# test: kernel-tables
# bits: 32
# A fake kernel with an exception table: a user access, a guarded rdmsr in init code, and an access in a replacement.

.macro extable insn, fixup, type
    .pushsection __ex_table, "a"
    .balign 4
    .long \insn - .
    .long \fixup - .
    .long \type
    .popsection
.endm

    .text
    .globl get_user
get_user:
1:  mov (%eax), %edx
    xor %eax, %eax
    ret
2:  mov $-14, %eax
    xor %edx, %edx
    ret
    extable 1b, 2b, 3

    .section .init.text, "ax"
    .globl probe_msr
probe_msr:
3:  rdmsr
4:  ret
    extable 3b, 4b, 9

    .section .altinstr_replacement, "ax"
5:  movzbl (%eax), %edx
    extable 5b, 2b, 3
# ---- expected
# exceptions: 3
#   0xc1000000 -> 0xc1000005 type 0x3
#   0xc1002000 -> 0xc1002002 type 0x9
#   0xc1002008 -> 0xc1000005 type 0x3
