# test: blocks
# bits: 32
# A jump into an instruction, one out of the code, bytes that do not decode, and falling off the end.
        je      1f + 1
1:      mov     $0x90909090, %eax
        je      0xd0000000
        nop
        .byte   0xff, 0xff
        nop
# ---- expected
# c1000000 74 01                 je 0xc1000003
# c1000002 b8 90 90 90 90        mov $0x90909090,%eax
# c1000007 0f 84 f3 ff ff 0e     je 0xd0000000
# c100000d 90                    nop
# c100000e ff                    (bad)
# c100000f ff                    (bad)
# c1000010 90                    (bad)
#
# block 0: c1000000 (1)       je 0xc1000003  -> 1 fallThrough, escapes
# block 1: c1000002 (2)       je 0xd0000000  -> 2 fallThrough, escapes
# block 2: c100000d (4)       (bad)  -> escapes
