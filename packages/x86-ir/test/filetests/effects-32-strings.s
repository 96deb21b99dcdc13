# test: effects
# bits: 32
        movsb
        rep movsl
        stosb
        rep stosl
        lodsl
        rep lodsl
        scasb
        repnz scasb
        cmpsb
        repz cmpsl
        insb
        rep outsl
        loop    .
        jecxz   .
        addr16 rep movsb
# ---- expected
# c1000000 a4                    movsb (%esi),(%edi)             use: esi edi df  write: esi edi
# c1000001 f3 a5                 rep movsl (%esi),(%edi)         use: ecx esi edi df  write: ecx esi edi
# c1000003 aa                    stos %al,(%edi)                 use: eax.l edi df  write: edi
# c1000004 f3 ab                 rep stos %eax,(%edi)            use: eax ecx edi df  write: ecx edi
# c1000006 ad                    lods (%esi),%eax                use: esi df  kill: eax  write: esi
# c1000007 f3 ad                 rep lods (%esi),%eax            use: ecx esi df  write: eax ecx esi
# c1000009 ae                    scas (%edi),%al                 use: eax.l edi df  kill: cf pf af zf sf of  write: edi
# c100000a f2 ae                 repne scas (%edi),%al           use: eax.l ecx edi df  write: ecx edi cf pf af zf sf of
# c100000c a6                    cmpsb (%edi),(%esi)             use: esi edi df  kill: cf pf af zf sf of  write: esi edi
# c100000d f3 a7                 repe cmpsl (%edi),(%esi)        use: ecx esi edi df  write: ecx esi edi cf pf af zf sf of
# c100000f 6c                    insb %dx,(%edi)                 use: edx.lh edi df  write: edi
# c1000010 f3 6f                 rep outsl (%esi),%dx            use: ecx edx.lh esi df  write: ecx esi
# c1000012 e2 fe                 loop 0xc1000012                 use: ecx  write: ecx
# c1000014 e3 fe                 jecxz 0xc1000014                use: ecx
# c1000016 67 f3 a4              rep movsb (%si),(%di)           use: ecx.lh esi.lh edi.lh df  write: ecx.lh esi.lh edi.lh
