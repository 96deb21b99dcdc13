# test: relocations
# bits: 32
# A relocatable kernel: the test appends the addresses of the words that hold absolute addresses, as the kernel's build
# does (arch/x86/tools/relocs.c). Those words have names that begin with "word_".

    .text
    .globl startup_32
startup_32:
    mov $table, %eax
    .globl word_in_code
    .set word_in_code, . - 4
    call *4(%eax)
    ret
handler: ret

    .data
    .balign 4
table:
word_first: .long startup_32
word_second: .long handler
    .long 42
# ---- expected
# absolute32: c1000001 c1001000 c1001004
