# test: blocks
# bits: 64
# functions: f tail
# return-thunks: return_thunk
f:      test    %rdi, %rdi
        je      1f
        jmp     return_thunk
1:      lea     tail(%rip), %rax
        call    *%rax
        jmp     tail
tail:   xor     %eax, %eax
        jmp     return_thunk
return_thunk:
        ret
        int3
# ---- expected
# 81000000 48 85 ff              test %rdi,%rdi
# 81000003 74 02                 je 0xffffffff81000007
# 81000005 eb 0f                 jmp 0xffffffff81000016
# 81000007 48 8d 05 04 00 00 00  lea 0xffffffff81000012,%rax
# 8100000e ff d0                 call *%rax
# 81000010 eb 00                 jmp 0xffffffff81000012
# 81000012 31 c0                 xor %eax,%eax
# 81000014 eb 00                 jmp 0xffffffff81000016
# 81000016 c3                    ret
# 81000017 cc                    int3
#
# block 0: 81000000 (2)       je 0xffffffff81000007  -> 2 branch, 1 fallThrough
# block 1: 81000005 (1)       jmp 0xffffffff81000016  -> 4 branch
# block 2: 81000007 (3)       jmp 0xffffffff81000012  -> 3 branch
# block 3: 81000012 (2)       jmp 0xffffffff81000016  -> 4 branch
# block 4: 81000016 (1)       ret  -> none
# block 5: 81000017 (1)       int3  -> escapes
