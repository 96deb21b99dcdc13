# test: blocks
# bits: 32
# alternatives: site-behind>new-new_end site-behind>new_end-newer_end nops-nops_end>
# exceptions: faults>fixup
# A replacement runs instead of the site and goes on behind it; nothing falls from one replacement into the next.
        inc     %eax
site:   mov     %ecx, (%edx)
faults: mov     %ecx, 4(%edx)
behind: inc     %ebx
nops:   lfence
nops_end:
        ret
fixup:  ret
new:    bts     %ecx, %edx
new_end:
        nop
        nop
        mov     %esi, (%edi)
        jne     newer_end
        inc     %esi
newer_end:
        call    fixup
# ---- expected
# c1000000 40                    inc %eax
# c1000001 89 0a                 mov %ecx,(%edx)
# c1000003 89 4a 04              mov %ecx,4(%edx)
# c1000006 43                    inc %ebx
# c1000007 0f ae e8              lfence
# c100000a c3                    ret
# c100000b c3                    ret
# c100000c 0f ab ca              bts %ecx,%edx
# c100000f 90                    nop
# c1000010 90                    nop
# c1000011 89 37                 mov %esi,(%edi)
# c1000013 75 01                 jne 0xc1000016
# c1000015 46                    inc %esi
# c1000016 e8 f0 ff ff ff        call 0xc100000b
#
# block 0: c1000000 (1)       inc %eax  -> 1 fallThrough
# block 1: c1000001 (1)       mov %ecx,(%edx)  -> 2 fallThrough, 7 alternative, 8 alternative
# block 2: c1000003 (1)       mov %ecx,4(%edx)  -> 3 fallThrough, 6 exceptionFixup
# block 3: c1000006 (1)       inc %ebx  -> 4 fallThrough
# block 4: c1000007 (1)       lfence  -> 5 fallThrough, 5 alternative
# block 5: c100000a (1)       ret  -> none
# block 6: c100000b (1)       ret  -> none
# block 7: c100000c (1)       bts %ecx,%edx  -> 3 alternative
# block 8: c100000f (2)       nop  -> 9 fallThrough
# block 9: c1000011 (1)       mov %esi,(%edi)  -> 10 fallThrough, 6 exceptionFixup
# block 10: c1000013 (1)      jne 0xc1000016  -> 3 alternative, 11 fallThrough
# block 11: c1000015 (1)      inc %esi  -> 3 alternative
# block 12: c1000016 (1)      call 0xc100000b  -> escapes
