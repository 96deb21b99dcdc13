# test: needed
# bits: 32
# functions: f one two helper fentry
# transparent: fentry
# taken: f
# Garbage is not worth preserving: behind a call to compiled C, ECX holds nothing, so the call through a pointer takes nothing in it.
f:      call    fentry
        cli
        call    helper
        cli
        call    *(%ebx)
        cli
        mov     $1, %ecx
        cli
        call    *(%ebx)
        ret
# Only called, never through a pointer: what its callers had in EDX is what it may have.
one:    call    fentry
        mov     $1, %eax
        call    two
        ret
two:    call    fentry
        cli
        call    *(%ebx)
        ret
helper: call    fentry
        ret
fentry: ret
# ---- expected
# c1000000  call 0xC1000037    live eax edx                        needed eax edx
# c1000005  cli                live eax edx                        needed eax edx
# c1000006  call 0xC1000031    live eax edx                        needed eax edx
# c100000b  cli                live eax ecx edx                    needed eax edx
# c100000c  calll *(%ebx)      live eax ecx edx                    needed eax edx
# c100000e  cli                live eax edx                        needed eax edx
# c100000f  mov $1,%ecx        live eax ecx edx                    needed eax ecx edx
# c1000014  cli                live eax ecx edx                    needed eax ecx edx
# c1000015  calll *(%ebx)      live eax ecx edx                    needed eax ecx edx
# c1000017  ret                live eax edx                        needed eax edx
# c1000018  call 0xC1000037    live ecx edx                        needed ecx edx
# c100001d  mov $1,%eax        live eax ecx edx                    needed eax ecx edx
# c1000022  call 0xC1000028    live eax ecx edx                    needed eax ecx edx
# c1000027  ret                live eax edx                        needed eax edx
# c1000028  call 0xC1000037    live eax ecx edx                    needed eax ecx edx
# c100002d  cli                live eax ecx edx                    needed eax ecx edx
# c100002e  calll *(%ebx)      live eax ecx edx                    needed eax ecx edx
# c1000030  ret                live eax edx                        needed eax edx
# c1000031  call 0xC1000037    live eax edx                        needed eax edx
# c1000036  ret                live eax edx                        needed eax edx
# c1000037  ret                live eax ecx edx                    needed eax ecx edx
