# test: blocks
# bits: 32
# exceptions: load>fixup outside>fixup
# The instruction that may fault is alone; an entry inside an instruction makes that one's effect unknown.
        mov     %ebx, %edx
load:   mov     (%edx), %eax
        add     %eax, %ecx
        ret
fixup:  mov     $-14, %eax
        .byte   0xb8
outside:
        .byte   1, 2, 3, 4
        ret
# ---- expected
# c1000000 89 da                 mov %ebx,%edx
# c1000002 8b 02                 mov (%edx),%eax
# c1000004 01 c1                 add %eax,%ecx
# c1000006 c3                    ret
# c1000007 b8 f2 ff ff ff        mov $0xfffffff2,%eax
# c100000c b8 01 02 03 04        mov $0x4030201,%eax
# c1000011 c3                    ret
#
# block 0: c1000000 (1)       mov %ebx,%edx  -> 1 fallThrough
# block 1: c1000002 (1)       mov (%edx),%eax  -> 2 fallThrough, 3 exceptionFixup
# block 2: c1000004 (2)       ret  -> none
# block 3: c1000007 (1)       mov $0xfffffff2,%eax  -> 4 fallThrough
# block 4: c100000c (1)       mov $0x4030201,%eax  -> 5 fallThrough, 3 exceptionFixup, escapes
# block 5: c1000011 (1)       ret  -> none
