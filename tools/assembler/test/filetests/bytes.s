# test: bytes
# bits: 32
# base: 0xc1000000
f:
    pushf
    cli
    call f
# ---- expected
# c1000000: 9cfae8f9ffffff
# f c1000000
