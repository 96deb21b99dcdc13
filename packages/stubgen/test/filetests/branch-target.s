# test: plan
# bits: 32
# The target lies right behind the site, and the call in front keeps windows from starting earlier.
f:      call g
        cli
1:      dec %ecx
        jne 1b
        ret
# A target at the start of a window is harmless, and so is one at its end.
g:      nop
2:      cli
        mov $7, %eax
3:      dec %ecx
        jne 2b
        jmp 3b
# A target in the middle of an instruction counts as well.
h:      cli
        mov $0x90, %eax
        jmp h + 2
# ---- expected
# c100000b 6 bytes, forward
#   +0 cli
#   +1 copy 5
# c1000005 cli in place: branch-target
# c1000016 cli in place: branch-target
