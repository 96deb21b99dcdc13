# test: blocks
# bits: 64
# An instruction that Xen is asked to emulate: the ud2 is no end.
        mov     $1, %eax
        ud2
        .ascii  "xen"
        cpuid
        ret
# ---- expected
# 81000000 b8 01 00 00 00        mov $1,%eax
# 81000005 0f 0b                 ud2
# 81000007 78 65                 js 0xffffffff8100006e
# 81000009 6e                    outsb (%rsi),%dx
# 8100000a 0f a2                 cpuid
# 8100000c c3                    ret
#
# block 0: 81000000 (2)       ud2  -> escapes
# block 1: 81000007 (1)       js 0xffffffff8100006e  -> 2 fallThrough, escapes
# block 2: 81000009 (3)       ret  -> none
