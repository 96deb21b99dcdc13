# test: effects
# bits: 32
        mov     %ecx, %eax
        mov     %cl, %ah
        mov     %cx, %ax
        mov     $1, %bl
        mov     8(%ebp,%esi,4), %edi
        mov     %edx, 4(%esp)
        movzbl  %ah, %ecx
        lea     4(%ebx,%ecx), %edx
        xchg    %eax, %ebx
        xadd    %eax, %ecx
        bswap   %edx
        cmovz   %ecx, %eax
        setz    %dl
        mov     %ds, %eax
        cbtw
        cwtl
        cltd
        xlat
# ---- expected
# c1000000 89 c8                 mov %ecx,%eax                   use: ecx  kill: eax
# c1000002 88 cc                 mov %cl,%ah                     use: ecx.l  kill: eax.h
# c1000004 66 89 c8              mov %cx,%ax                     use: ecx.lh  kill: eax.lh
# c1000007 b3 01                 mov $1,%bl                      kill: ebx.l
# c1000009 8b 7c b5 08           mov 8(%ebp,%esi,4),%edi         use: ebp esi  kill: edi
# c100000d 89 54 24 04           mov %edx,4(%esp)                use: edx esp
# c1000011 0f b6 cc              movzbl %ah,%ecx                 use: eax.h  kill: ecx
# c1000014 8d 54 0b 04           lea 4(%ebx,%ecx),%edx           use: ecx ebx  kill: edx
# c1000018 93                    xchg %eax,%ebx                  use: eax ebx  write: eax ebx
# c1000019 0f c1 c1              xadd %eax,%ecx                  use: eax ecx  kill: cf pf af zf sf of  write: eax ecx
# c100001c 0f ca                 bswap %edx                      use: edx  write: edx
# c100001e 0f 44 c1              cmove %ecx,%eax                 use: ecx zf  write: eax
# c1000021 0f 94 c2              sete %dl                        use: zf  kill: edx.l
# c1000024 8c d8                 mov %ds,%eax                    kill: eax
# c1000026 66 98                 cbtw                            use: eax.l  kill: eax.h
# c1000028 98                    cwtl                            use: eax.lh  kill: eax
# c1000029 99                    cltd                            use: eax  kill: edx
# c100002a d7                    xlat (%ebx)                     use: eax.l ebx  write: eax.l
