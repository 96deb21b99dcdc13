# test: effects
# bits: 32
        push    %eax
        pop     %ecx
        push    4(%esp)
        pop     %esp
        push    %esp
        push    %ds
        pop     %fs
        pusha
        popa
        call    .
        call    *%eax
        call    *8(%ecx,%edx,4)
        enter   $8, $0
        enter   $8, $2
        leave
        ret
        ret     $4
# ---- expected
# c1000000 50                    push %eax                       use: eax esp  write: esp
# c1000001 59                    pop %ecx                        use: esp  kill: ecx  write: esp
# c1000002 ff 74 24 04           pushl 4(%esp)                   use: esp  write: esp
# c1000006 5c                    pop %esp                        use: esp  kill: esp
# c1000007 54                    push %esp                       use: esp  write: esp
# c1000008 1e                    push %ds                        use: esp  write: esp
# c1000009 0f a1                 pop %fs                         use: esp  write: esp
# c100000b 60                    pusha                           use: eax ecx edx ebx esp ebp esi edi  write: esp
# c100000c 61                    popa                            use: esp  kill: eax ecx edx ebx ebp esi edi  write: esp
# c100000d e8 fb ff ff ff        call 0xc100000d                 use: esp  write: esp
# c1000012 ff d0                 call *%eax                      use: eax esp  write: esp
# c1000014 ff 54 91 08           calll *8(%ecx,%edx,4)           use: ecx edx esp  write: esp
# c1000018 c8 08 00 00           enter $8,$0                     use: esp ebp  write: esp ebp
# c100001c c8 08 00 02           enter $8,$2                     use: esp ebp  write: esp ebp
# c1000020 c9                    leave                           use: ebp  kill: esp  write: ebp
# c1000021 c3                    ret                             use: esp  write: esp
# c1000022 c2 04 00              ret $4                          use: esp  write: esp
