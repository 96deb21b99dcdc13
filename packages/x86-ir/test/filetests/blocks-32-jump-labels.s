# test: blocks
# bits: 32
# jump-labels: off>t_off on>t_on
        inc     %eax
off:    nopl    0(%eax,%eax)
        inc     %ebx
t_off: inc     %ecx
on:     jmp     t_on
        inc     %edx
t_on:  ret
# ---- expected
# c1000000 40                    inc %eax
# c1000001 0f 1f 04 00           nopl (%eax,%eax)
# c1000005 43                    inc %ebx
# c1000006 41                    inc %ecx
# c1000007 eb 01                 jmp 0xc100000a
# c1000009 42                    inc %edx
# c100000a c3                    ret
#
# block 0: c1000000 (2)       nopl (%eax,%eax)  -> 1 fallThrough, 2 jumpLabel
# block 1: c1000005 (1)       inc %ebx  -> 2 fallThrough
# block 2: c1000006 (2)       jmp 0xc100000a  -> 4 branch, 3 jumpLabel
# block 3: c1000009 (1)       inc %edx  -> 4 fallThrough
# block 4: c100000a (1)       ret  -> none
