# test: plan
# bits: 32
# early: start
# Reached before the far jump: the entry and what it calls. Not reached: what lies behind the jump, and a function that
# cannot go on without an access at a virtual address.
start:  lgdt 0x1000
        call early
        test %eax, %eax
        je 1f
        call late
1:      mov %eax, %cr0
        ljmp $0x10, $high
high:   mov %eax, %cr3
        mov $1, %eax
        ret
early:  mov %eax, %cr3
        mov $1, %eax
        ret
late:   cli
        mov $1, %eax
        incl variable
        ret
# Paging is turned off in here.
        .p2align 4
firm:   jmp 2f
2:      mov %cr0, %eax
        and $0x7fffffff, %eax
        mov %eax, %cr0
        ret
        .p2align 4
variable:
        .long 0
# ---- expected
# c100001f 8 bytes, forward
#   +0 mov-to-cr
#   +3 copy 5
# c1000031 6 bytes, forward
#   +0 cli
#   +1 copy 5
# c1000000 lgdt in place: physical-mode
# c1000015 mov-to-cr in place: physical-mode
# c1000018 jmp-far in place: control-transfer
# c1000028 mov-to-cr in place: physical-mode
# c1000042 mov-from-cr in place: physical-mode
# c100004a mov-to-cr in place: physical-mode
