# test: liveness
# bits: 64
# functions: f fentry
# transparent: fentry
# A 32-bit write clears the upper half: it kills all of it; 8 and 16 bits leave the rest alone.
f:      call    fentry
        cli
        mov     $1, %eax
        cli
        mov     $2, %ax
        cli
        mov     $3, %al
        cli
        xor     %edx, %edx
        ret
fentry: ret
# ---- expected
# function 81000000 traced
#   81000000  call 0x0000000081000017          | rbx rsp rbp r12 r13 r14 r15 df
#   81000005  cli                              | rbx rsp rbp r12 r13 r14 r15 df
#   81000006  mov $1,%eax                      | rax.u rbx rsp rbp r12 r13 r14 r15 df
#   8100000b  cli                              | rax.u rbx rsp rbp r12 r13 r14 r15 df
#   8100000c  mov $2,%ax                       | rax.hu rbx rsp rbp r12 r13 r14 r15 df
#   81000010  cli                              | rax.hu rbx rsp rbp r12 r13 r14 r15 df
#   81000011  mov $3,%al                       | rax rbx rsp rbp r12 r13 r14 r15 df
#   81000013  cli                              | rax rbx rsp rbp r12 r13 r14 r15 df
#   81000014  xor %edx,%edx                    | rax rdx rbx rsp rbp r12 r13 r14 r15 df
#   81000016  ret                              | rax rdx rbx rsp rbp r12 r13 r14 r15 df
# function 81000017
#   81000017  ret                              | rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 cf pf af zf sf of df
