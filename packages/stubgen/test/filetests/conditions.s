# test: plan
# bits: 32
# Conditional jumps go along with their condition.
f:      cli
        jb 1f
        jns 1f
        .byte 0x0f, 0x8f
        .long 1f - . - 4
        ret
1:      ret
# ---- expected
# c1000000 5 bytes, forward
#   +0 cli
#   +1 jb c100000c
#   +3 jns c100000c
