# test: blocks
# bits: 32
# functions: f thunk_eax
# thunks: thunk_eax=eax
# no-return: panic
f:      call    thunk_eax
        test    %eax, %eax
        je      thunk_eax
        jns     1f
        call    panic
1:      jmp     thunk_eax
panic:  cli
        hlt
thunk_eax:
        call    3f
2:      pause
        lfence
        jmp     2b
3:      mov     %eax, (%esp)
        ret
# ---- expected
# c1000000 e8 0f 00 00 00        call 0xc1000014
# c1000005 85 c0                 test %eax,%eax
# c1000007 74 0b                 je 0xc1000014
# c1000009 79 05                 jns 0xc1000010
# c100000b e8 02 00 00 00        call 0xc1000012
# c1000010 eb 02                 jmp 0xc1000014
# c1000012 fa                    cli
# c1000013 f4                    hlt
# c1000014 e8 07 00 00 00        call 0xc1000020
# c1000019 f3 90                 pause
# c100001b 0f ae e8              lfence
# c100001e eb f9                 jmp 0xc1000019
# c1000020 89 04 24              mov %eax,(%esp)
# c1000023 c3                    ret
#
# block 0: c1000000 (3)       je 0xc1000014  -> 5 branch, 1 fallThrough, escapes
# block 1: c1000009 (1)       jns 0xc1000010  -> 3 branch, 2 fallThrough
# block 2: c100000b (1)       call 0xc1000012  -> none
# block 3: c1000010 (1)       jmp 0xc1000014  -> 5 branch, escapes
# block 4: c1000012 (2)       hlt  -> 5 fallThrough
# block 5: c1000014 (1)       call 0xc1000020  -> 6 fallThrough
# block 6: c1000019 (3)       jmp 0xc1000019  -> 6 branch
# block 7: c1000020 (2)       ret  -> none
