# test: effects
# bits: 32
        cpuid
        rdmsr
        wrmsr
        rdtsc
        rdtscp
        in      %dx, %al
        in      $0x20, %ax
        out     %eax, (%dx)
        cli
        sti
        hlt
        mov     %cr0, %eax
        mov     %eax, %cr3
        invlpg  (%ecx)
        lgdt    (%eax)
        smsw    %eax
        xgetbv
        xsave   (%ecx)
        monitor
        rdpmc
        ud2
        int3
        int     $0x80
        vmcall
        iret
        lret
        sysexit
        sysenter
# ---- expected
# c1000000 0f a2                 cpuid                           use: eax ecx  kill: ecx edx ebx  write: eax
# c1000002 0f 32                 rdmsr                           use: ecx  kill: eax edx
# c1000004 0f 30                 wrmsr                           use: eax ecx edx
# c1000006 0f 31                 rdtsc                           kill: eax edx
# c1000008 0f 01 f9              rdtscp                          kill: eax ecx edx
# c100000b ec                    in %dx,%al                      use: edx.lh  kill: eax.l
# c100000c 66 e5 20              in $0x20,%ax                    kill: eax.lh
# c100000f ef                    out %eax,%dx                    use: eax edx.lh
# c1000010 fa                    cli
# c1000011 fb                    sti
# c1000012 f4                    hlt
# c1000013 0f 20 c0              mov %cr0,%eax                   kill: eax  undefined: cf pf af zf sf of
# c1000016 0f 22 d8              mov %eax,%cr3                   use: eax  undefined: cf pf af zf sf of
# c1000019 0f 01 39              invlpg (%ecx)                   use: ecx
# c100001c 0f 01 10              lgdt (%eax)                     use: eax
# c100001f 0f 01 e0              smsw %eax                       kill: eax
# c1000022 0f 01 d0              xgetbv                          use: ecx  kill: eax edx
# c1000025 0f ae 21              xsave (%ecx)                    use: eax ecx edx
# c1000028 0f 01 c8              monitor                         use: eax ecx edx
# c100002b 0f 33                 rdpmc                           use: ecx  kill: eax edx
# c100002d 0f 0b                 ud2
# c100002f cc                    int3                            use: eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df  write: eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
# c1000030 cd 80                 int $0x80                       use: eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df  write: eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
# c1000032 0f 01 c1              vmcall                          use: eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df  write: eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
# c1000035 cf                    iret                            use: eax ecx edx ebx esp ebp esi edi  kill: cf pf af zf sf of df  write: esp
# c1000036 cb                    lret                            use: eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df  write: esp
# c1000037 0f 35                 sysexit                         use: eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df  kill: esp
# c1000039 0f 34                 sysenter                        use: eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df  write: eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
