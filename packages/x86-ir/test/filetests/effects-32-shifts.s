# test: effects
# bits: 32
        shl     %eax
        shl     $5, %eax
        .byte   0xc1, 0xe0, 0x00                        # shl $0, %eax
        .byte   0xc1, 0xe0, 0x20                        # shl $32, %eax: masked to 0
        .byte   0xc1, 0xe0, 0x01                        # shl $1, %eax, long
        shl     %cl, %eax
        sar     %cl, 4(%edx)
        shrl    $3, 4(%edx)
        rol     $5, %eax
        ror     %cl, %eax
        rcl     $2, %eax
        rcr     %cl, %eax
        .byte   0xc0, 0xd0, 0x09                        # rcl $9, %al: a full turn
        shld    $4, %eax, %edx
        shrd    %cl, %eax, %edx
# ---- expected
# c1000000 d1 e0                 shl $1,%eax                     use: eax  kill: cf pf zf sf of  undefined: af  write: eax
# c1000002 c1 e0 05              shl $5,%eax                     use: eax  kill: cf pf zf sf  undefined: af of  write: eax
# c1000005 c1 e0 00              shl $0,%eax                     use: eax  write: eax
# c1000008 c1 e0 20              shl $0x20,%eax                  use: eax  write: eax
# c100000b c1 e0 01              shl $1,%eax                     use: eax  kill: cf pf zf sf of  undefined: af  write: eax
# c100000e d3 e0                 shl %cl,%eax                    use: eax ecx.l  write: eax cf pf af zf sf of
# c1000010 d3 7a 04              sarl %cl,4(%edx)                use: ecx.l edx  write: cf pf af zf sf of
# c1000013 c1 6a 04 03           shrl $3,4(%edx)                 use: edx  kill: cf pf zf sf  undefined: af of
# c1000017 c1 c0 05              rol $5,%eax                     use: eax  kill: cf  undefined: of  write: eax
# c100001a d3 c8                 ror %cl,%eax                    use: eax ecx.l  write: eax cf of
# c100001c c1 d0 02              rcl $2,%eax                     use: eax cf  kill: cf  undefined: of  write: eax
# c100001f d3 d8                 rcr %cl,%eax                    use: eax ecx.l cf  write: eax cf of
# c1000021 c0 d0 09              rcl $9,%al                      use: eax.l cf  write: eax.l cf of
# c1000024 0f a4 c2 04           shld $4,%eax,%edx               use: eax edx  kill: cf pf zf sf  undefined: af of  write: edx
# c1000028 0f ad c2              shrd %cl,%eax,%edx              use: eax ecx.l edx  write: edx cf pf af zf sf of
