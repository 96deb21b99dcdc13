# test: plan
# bits: 32
# transparent: fentry
# Without a table of jump labels any long jump may be one.
f:      cli
        .byte 0xe9
        .long g - . - 4
g:      cli
        .byte 0x0f, 0x1f, 0x44, 0, 0
        ret
h:      cli
        call fentry
        ret
fentry: ret
# ---- expected
# c1000000 cli in place: may-be-patched
# c1000006 cli in place: may-be-patched
# c100000d cli in place: may-be-patched
