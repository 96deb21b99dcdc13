# test: blocks
# bits: 32
# functions: f g
# Calls end no block; jumps, returns and BUG do.
f:      test    %eax, %eax
        je      1f
        call    g
        mov     %ebx, %ecx
1:      dec     %ecx
        jne     1b
        jmp     g
        ud2
g:      jmp     *%eax
        int3
        ret
# ---- expected
# c1000000 85 c0                 test %eax,%eax
# c1000002 74 07                 je 0xc100000b
# c1000004 e8 09 00 00 00        call 0xc1000012
# c1000009 89 d9                 mov %ebx,%ecx
# c100000b 49                    dec %ecx
# c100000c 75 fd                 jne 0xc100000b
# c100000e eb 02                 jmp 0xc1000012
# c1000010 0f 0b                 ud2
# c1000012 ff e0                 jmp *%eax
# c1000014 cc                    int3
# c1000015 c3                    ret
#
# block 0: c1000000 (2)       je 0xc100000b  -> 2 branch, 1 fallThrough
# block 1: c1000004 (2)       mov %ebx,%ecx  -> 2 fallThrough
# block 2: c100000b (2)       jne 0xc100000b  -> 2 branch, 3 fallThrough
# block 3: c100000e (1)       jmp 0xc1000012  -> 5 branch
# block 4: c1000010 (1)       ud2  -> none
# block 5: c1000012 (1)       jmp *%eax  -> escapes
# block 6: c1000014 (2)       ret  -> none
