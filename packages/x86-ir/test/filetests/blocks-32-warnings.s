# test: blocks
# bits: 32
# warnings: warn
        test    %eax, %eax
        je      1f
warn:   ud2
1:      test    %ecx, %ecx
        je      2f
        ud2
2:      ret
# ---- expected
# c1000000 85 c0                 test %eax,%eax
# c1000002 74 02                 je 0xc1000006
# c1000004 0f 0b                 ud2
# c1000006 85 c9                 test %ecx,%ecx
# c1000008 74 02                 je 0xc100000c
# c100000a 0f 0b                 ud2
# c100000c c3                    ret
#
# block 0: c1000000 (2)       je 0xc1000006  -> 2 branch, 1 fallThrough
# block 1: c1000004 (1)       ud2  -> 2 warn
# block 2: c1000006 (2)       je 0xc100000c  -> 4 branch, 3 fallThrough
# block 3: c100000a (1)       ud2  -> none
# block 4: c100000c (1)       ret  -> none
