# test: effects
# bits: 32
# Undefined flags are written but not killed; shifts by nothing touch none.
        add     %ecx, %eax
        adc     $0, %edx
        inc     %ecx
        test    %eax, %eax
        mul     %ecx
        div     %ecx
        bt      $3, %eax
        bts     %eax, (%ecx)
        bsf     %ecx, %eax
        bsr     (%ecx), %eax
        tzcnt   %ecx, %eax
        lzcnt   %ecx, %eax
        popcnt  %ecx, %eax
        pushf
        popf
        lahf
        sahf
        clc
        cmc
        cld
        std
        cmpxchg %ecx, (%edx)
        cmpxchg8b (%esi)
        lar     %ax, %ecx
        lsl     %ax, %ecx
        verr    %ax
        arpl    %ax, %cx
# ---- expected
# c1000000 01 c8                 add %ecx,%eax                   use: eax ecx  kill: cf pf af zf sf of  write: eax
# c1000002 83 d2 00              adc $0,%edx                     use: edx cf  kill: cf pf af zf sf of  write: edx
# c1000005 41                    inc %ecx                        use: ecx  kill: pf af zf sf of  write: ecx
# c1000006 85 c0                 test %eax,%eax                  use: eax  kill: cf pf zf sf of  undefined: af
# c1000008 f7 e1                 mul %ecx                        use: eax ecx  kill: edx cf of  undefined: pf af zf sf  write: eax
# c100000a f7 f1                 div %ecx                        use: eax ecx edx  undefined: cf pf af zf sf of  write: eax edx
# c100000c 0f ba e0 03           bt $3,%eax                      use: eax  kill: cf  undefined: pf af sf of
# c1000010 0f ab 01              bts %eax,(%ecx)                 use: eax ecx  kill: cf  undefined: pf af sf of
# c1000013 0f bc c1              bsf %ecx,%eax                   use: ecx  kill: zf  undefined: cf pf af sf of  write: eax
# c1000016 0f bd 01              bsr (%ecx),%eax                 use: ecx  kill: zf  undefined: cf pf af sf of  write: eax
# c1000019 f3 0f bc c1           tzcnt %ecx,%eax                 use: ecx  kill: zf  undefined: pf af sf of  write: eax cf
# c100001d f3 0f bd c1           lzcnt %ecx,%eax                 use: ecx  kill: zf  undefined: pf af sf of  write: eax cf
# c1000021 f3 0f b8 c1           popcnt %ecx,%eax                use: ecx  kill: eax cf pf af zf sf of
# c1000025 9c                    pushf                           use: esp cf pf af zf sf of df  write: esp
# c1000026 9d                    popf                            use: esp  kill: cf pf af zf sf of df  write: esp
# c1000027 9f                    lahf                            use: cf pf af zf sf  kill: eax.h
# c1000028 9e                    sahf                            use: eax.h  kill: cf pf af zf sf
# c1000029 f8                    clc                             kill: cf
# c100002a f5                    cmc                             use: cf  kill: cf
# c100002b fc                    cld                             kill: df
# c100002c fd                    std                             kill: df
# c100002d 0f b1 0a              cmpxchg %ecx,(%edx)             use: eax ecx edx  kill: cf pf af zf sf of  write: eax
# c1000030 0f c7 0e              cmpxchg8b (%esi)                use: eax ecx edx ebx esi  kill: zf  write: eax edx
# c1000033 0f 02 c8              lar %eax,%ecx                   use: eax.lh  kill: zf  write: ecx
# c1000036 0f 03 c8              lsl %eax,%ecx                   use: eax.lh  kill: zf  write: ecx
# c1000039 0f 00 e0              verr %ax                        use: eax.lh  kill: zf
# c100003c 63 c1                 arpl %ax,%cx                    use: eax.l ecx.l  kill: zf  write: ecx.l
