# test: liveness
# bits: 32
# functions: f fentry
# transparent: fentry
# jump-labels: label>slow
# A static key turns the NOP into a jump: both ways count.
f:      call    fentry
        cli
label:  .byte   0x0f, 0x1f, 0x44, 0, 0
        cli
        xor     %eax, %eax
        xor     %edx, %edx
        ret
slow:   mov     %ecx, %eax
        xor     %edx, %edx
        ret
fentry: ret
# ---- expected
# function c1000000 traced
#   c1000000  call 0xC1000016                  | ecx ebx esp ebp esi edi df
#   c1000005  cli                              | ecx ebx esp ebp esi edi df
#   c1000006  nopl (%eax,%eax)                 | ecx ebx esp ebp esi edi df
#   c100000b  cli                              | ebx esp ebp esi edi df
#   c100000c  xor %eax,%eax                    | eax ebx esp ebp esi edi df
#   c100000e  xor %edx,%edx                    | eax edx ebx esp ebp esi edi df
#   c1000010  ret                              | eax edx ebx esp ebp esi edi df
#   c1000011  mov %ecx,%eax                    | eax ebx esp ebp esi edi df
#   c1000013  xor %edx,%edx                    | eax edx ebx esp ebp esi edi df
#   c1000015  ret                              | eax edx ebx esp ebp esi edi df
# function c1000016
#   c1000016  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
