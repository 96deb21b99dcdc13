# test: effects
# bits: 32
# Results that do not depend on the operand, and padding that does nothing.
        xor     %eax, %eax
        sub     %ecx, %ecx
        xor     %ah, %ah
        sbb     %edx, %edx
        and     $0, %ebx
        or      $-1, %esi
        or      $-1, %bl
        and     $1, %ebx
        and     %eax, %eax
        nop
        xchg    %ax, %ax
        pause
        mov     %edi, %edi
        nopl    0(%eax,%eax)
        .byte   0x8d, 0x76, 0x00                        # lea 0(%esi), %esi
        .byte   0x8d, 0x74, 0x26, 0x00                  # the same with a SIB byte
        .byte   0x8d, 0xb6, 0, 0, 0, 0                  # the same with 32 bits of displacement
        lea     1(%esi), %esi
        .byte   0x8d, 0xb6, 0, 1, 0, 0                  # lea 0x100(%esi), %esi, long
        lea     (%esi), %edi
# ---- expected
# c1000000 31 c0                 xor %eax,%eax                   kill: eax cf pf zf sf of  undefined: af
# c1000002 29 c9                 sub %ecx,%ecx                   kill: ecx cf pf af zf sf of
# c1000004 30 e4                 xor %ah,%ah                     kill: eax.h cf pf zf sf of  undefined: af
# c1000006 19 d2                 sbb %edx,%edx                   use: cf  kill: edx cf pf af zf sf of
# c1000008 83 e3 00              and $0,%ebx                     kill: ebx cf pf zf sf of  undefined: af
# c100000b 83 ce ff              or $0xffffffff,%esi             kill: esi cf pf zf sf of  undefined: af
# c100000e 80 cb ff              or $0xff,%bl                    kill: ebx.l cf pf zf sf of  undefined: af
# c1000011 83 e3 01              and $1,%ebx                     use: ebx  kill: cf pf zf sf of  undefined: af  write: ebx
# c1000014 21 c0                 and %eax,%eax                   use: eax  kill: cf pf zf sf of  undefined: af  write: eax
# c1000016 90                    nop
# c1000017 66 90                 xchg %ax,%ax
# c1000019 f3 90                 pause
# c100001b 89 ff                 mov %edi,%edi
# c100001d 0f 1f 04 00           nopl (%eax,%eax)
# c1000021 8d 76 00              lea (%esi),%esi
# c1000024 8d 74 26 00           lea (%esi),%esi
# c1000028 8d b6 00 00 00 00     lea (%esi),%esi
# c100002e 8d 76 01              lea 1(%esi),%esi                use: esi  kill: esi
# c1000031 8d b6 00 01 00 00     lea 0x100(%esi),%esi            use: esi  kill: esi
# c1000037 8d 3e                 lea (%esi),%edi                 use: esi  kill: edi
