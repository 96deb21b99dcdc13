# test: liveness
# bits: 64
# functions: f leaf thunk_return fentry
# transparent: fentry
# return-thunks: thunk_return
# The same on x86-64: nine caller-saved registers, returns through a thunk.
f:      call    fentry
        cli
        mov     %rdi, %rax
        call    leaf
        cli
        xor     %edx, %edx
        jmp     thunk_return
leaf:   lea     (%rsi,%r8), %rax
        xor     %r9d, %r9d
        ret
thunk_return:
        ret
        int3
fentry: ret
# ---- expected
# function 81000000 traced
#   81000000  call 0x000000008100001D          | rbx rsp rbp rsi rdi r8 r12 r13 r14 r15 df
#   81000005  cli                              | rbx rsp rbp rsi rdi r8 r12 r13 r14 r15 df
#   81000006  mov %rdi,%rax                    | rbx rsp rbp rsi r8 r12 r13 r14 r15 df
#   81000009  call 0x0000000081000013          | rbx rsp rbp rsi r8 r12 r13 r14 r15 df
#   8100000e  cli                              | rax rbx rsp rbp r12 r13 r14 r15 df
#   8100000f  xor %edx,%edx                    | rax rdx rbx rsp rbp r12 r13 r14 r15 df
#   81000011  jmp 0x000000008100001B           | rax rdx rbx rsp rbp r12 r13 r14 r15 df
# function 81000013
#   81000013  lea (%rsi,%r8),%rax              | rax rbx rsp rbp r12 r13 r14 r15 df
#   81000017  xor %r9d,%r9d                    | rax rbx rsp rbp r12 r13 r14 r15 df
#   8100001a  ret                              | rax rbx rsp rbp r12 r13 r14 r15 df
# function 8100001b
#   8100001b  ret                              | rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 cf pf af zf sf of df
#   8100001c  int3                             | rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 cf pf af zf sf of df
# function 8100001d
#   8100001d  ret                              | rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 cf pf af zf sf of df
