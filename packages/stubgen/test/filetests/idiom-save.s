# test: plan
# bits: 32
# The window starts at the pushf and takes in the cli; two more bytes come from what follows.
save:   pushf
        pop %ebx
        cli
        mov %eax, %ecx
        ret
memory: pushf
        pop -16(%ebp)
        cli
        ret
# Plain instructions between the pop and the cli stay where the compiler put them.
mixed:  pushf
        pop %esi
        mov %edx, %edi
        xor %eax, %eax
        cli
        ret
# ---- expected
# c1000000 5 bytes, idiom
#   +0 pushf
#   +1 copy 1
#   +2 cli
#   +3 copy 2
# c1000006 5 bytes, idiom
#   +0 pushf
#   +1 copy 3
#   +4 cli
# c100000c 7 bytes, idiom
#   +0 pushf
#   +1 copy 1
#   +2 copy 2
#   +4 copy 2
#   +6 cli
