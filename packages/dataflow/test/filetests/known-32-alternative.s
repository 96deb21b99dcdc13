# test: known
# bits: 32
# functions: f fentry other
# transparent: fentry
# alternatives: site-behind>new-newend
# In the replacement of an alternative, what is known where it is copied to.
f:      call    fentry
        mov     $0x48, %ecx
        mov     $1, %edx
site:   nop
        nop
behind: in      %dx, %al
        ret
fentry: ret
other:
new:    wrmsr
newend: ret
# ---- expected
# c1000011  in %dx,%al     dx = 1
# c1000014  wrmsr          ecx = 48
