# test: effects
# bits: 64
# A write of 32 bits zeroes the upper half; 8 and 16 bits leave the rest alone.
        mov     %ecx, %eax
        mov     %eax, %eax
        mov     %rax, %rax
        mov     %sil, %r8b
        mov     %cx, %r9w
        mov     %ah, %bl
        xor     %r10d, %r10d
        sbb     %rax, %rax
        or      $-1, %r11
        and     $0, %r11
        and     $-4, %r9
        or      $127, %r9
        cmovz   %ecx, %eax
        cmovz   %rcx, %rax
        cmovz   %eax, %eax
        bsf     %ecx, %eax
        tzcnt   %rcx, %rax
        lea     1(%rip), %rax
        lea     (%r12,%r13,8), %r14d
        .byte   0x48, 0x8d, 0x76, 0x00                  # lea 0(%rsi), %rsi
        .byte   0x8d, 0x76, 0x00                        # lea 0(%rsi), %esi: zeroes
        xchg    %eax, %eax
        .byte   0x87, 0xc0                              # xchg %eax, %eax with a ModRM byte: zeroes
        mulx    %rax, %rbx, %rcx
        andn    %eax, %ebx, %ecx
        shlx    %rcx, %rax, %rdx
        kmovd   %k1, %eax
        vmovd   %xmm1, %r15d
        rdsspq  %rax
        cpuid
        rdmsr
        syscall
        swapgs
        iretq
        sysretq
        endbr64
        cmpxchg16b (%rdi)
        rep movsq
        addr32 rep stosb
        encls
# ---- expected
# 81000000 89 c8                 mov %ecx,%eax                   use: rcx  kill: rax
# 81000002 89 c0                 mov %eax,%eax                   use: rax  kill: rax
# 81000004 48 89 c0              mov %rax,%rax
# 81000007 41 88 f0              mov %sil,%r8b                   use: rsi.l  kill: r8.l
# 8100000a 66 41 89 c9           mov %cx,%r9w                    use: rcx.lh  kill: r9.lh
# 8100000e 88 e3                 mov %ah,%bl                     use: rax.h  kill: rbx.l
# 81000010 45 31 d2              xor %r10d,%r10d                 kill: r10 cf pf zf sf of  undefined: af
# 81000013 48 19 c0              sbb %rax,%rax                   use: cf  kill: rax cf pf af zf sf of
# 81000016 49 83 cb ff           or $0xffffffffffffffff,%r11     kill: r11 cf pf zf sf of  undefined: af
# 8100001a 49 83 e3 00           and $0,%r11                     kill: r11 cf pf zf sf of  undefined: af
# 8100001e 49 83 e1 fc           and $0xfffffffffffffffc,%r9     use: r9  kill: cf pf zf sf of  undefined: af  write: r9
# 81000022 49 83 c9 7f           or $0x7f,%r9                    use: r9  kill: cf pf zf sf of  undefined: af  write: r9
# 81000026 0f 44 c1              cmove %ecx,%eax                 use: rcx zf  write: rax
# 81000029 48 0f 44 c1           cmove %rcx,%rax                 use: rcx zf  write: rax
# 8100002d 0f 44 c0              cmove %eax,%eax                 use: rax zf  write: rax
# 81000030 0f bc c1              bsf %ecx,%eax                   use: rcx  kill: zf  undefined: cf pf af sf of  write: rax
# 81000033 f3 48 0f bc c1        tzcnt %rcx,%rax                 use: rcx  kill: zf  undefined: pf af sf of  write: rax cf
# 81000038 48 8d 05 01 00 00 00  lea 0xffffffff81000040,%rax     kill: rax
# 8100003f 47 8d 34 ec           lea (%r12,%r13,8),%r14d         use: r12 r13  kill: r14
# 81000043 48 8d 76 00           lea (%rsi),%rsi
# 81000047 8d 76 00              lea (%rsi),%esi                 use: rsi  kill: rsi
# 8100004a 87 c0                 xchg %eax,%eax                  use: rax  kill: rax
# 8100004c 87 c0                 xchg %eax,%eax                  use: rax  kill: rax
# 8100004e c4 e2 e3 f6 c8        mulx %rax,%rbx,%rcx             use: rax rdx  kill: rcx rbx
# 81000053 c4 e2 60 f2 c8        andn %eax,%ebx,%ecx             use: rax rbx  kill: rcx cf zf sf of  undefined: pf af
# 81000058 c4 e2 f1 f7 d0        shlx %rcx,%rax,%rdx             use: rax rcx.l  kill: rdx
# 8100005d c5 fb 93 c1           kmovd %k1,%eax                  kill: rax
# 81000061 c4 c1 79 7e cf        vmovd %xmm1,%r15d               kill: r15
# 81000066 f3 48 0f 1e c8        rdsspq %rax                     write: rax
# 8100006b 0f a2                 cpuid                           use: rax rcx  kill: rax rcx rdx rbx
# 8100006d 0f 32                 rdmsr                           use: rcx  kill: rax rdx
# 8100006f 0f 05                 syscall                         use: rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 cf pf af zf sf of df  write: rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 cf pf af zf sf of df
# 81000071 0f 01 f8              swapgs
# 81000074 48 cf                 iretq                           use: rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15  kill: cf pf af zf sf of df  write: rsp
# 81000076 48 0f 07              sysretq                         use: rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15  kill: cf pf af zf sf of df
# 81000079 f3 0f 1e fa           endbr64
# 8100007d 48 0f c7 0f           cmpxchg16b (%rdi)               use: rax rcx rdx rbx rdi  kill: zf  write: rax rdx
# 81000081 f3 48 a5              rep movsq (%rsi),(%rdi)         use: rcx rsi rdi df  write: rcx rsi rdi
# 81000084 67 f3 aa              rep stos %al,(%edi)             use: rax.l rcx rdi df  write: rcx rdi
# 81000087 0f 01 cf              encls                           use: rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 cf pf af zf sf of df  write: rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 cf pf af zf sf of df
