# test: explain
# bits: 32
# locks: l
f:      pushf
        pop %eax
        cli
        mov %eax, %ebx
        ret
g:      call f
        cli
1:      dec %ecx
        jne 1b
        ret
h:      test $2, %ah
        je 2f
        sti
2:      mov $1, %eax
        cli
l:      lock incl (%eax)
        jmp h
i:      iret
# ---- expected
# c1000000: patch 0
#   idiom:    taken
#   forward:  possible, another window was better
#   backward: function-boundary at c1000000
#   short:    none near
# c1000002: patch 0
#   idiom:    taken
#   forward:  transfer at c1000005
#   backward: possible, another window was better
#   short:    none near
# c100000b: not patched: branch-target: A branch or a call leads to an address inside.
#   idiom:    no idiom
#   forward:  branch-target at c100000c
#   backward: transfer at c1000006
#   short:    none near
# c1000015: patch 1
#   idiom:    taken
#   forward:  branch-target at c1000016
#   backward: possible, another window was better
#   short:    none near
# c100001b: patch 2
#   idiom:    no idiom
#   forward:  smp-lock at c100001c
#   backward: taken
#   short:    none near
# c1000021: not patched: control-transfer: An interrupt return (but to itself), a software interrupt or a far transfer takes its own address or context along and stays in place.
#   idiom:    control-transfer at c1000021
#   forward:  control-transfer at c1000021
#   backward: control-transfer at c1000021
#   short:    control-transfer at c1000021
