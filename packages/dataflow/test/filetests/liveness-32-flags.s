# test: liveness
# bits: 32
# functions: f fentry
# transparent: fentry
# Flags one by one: what a condition reads, what INC leaves alone, what a shift by CL may leave alone.
f:      call    fentry
        cli
        jc      1f
        cli
        inc     %eax
        cli
        adc     $0, %eax
        cli
        shl     %cl, %eax
        cli
        sete    %al
1:      cli
        rep stosl
        cli
        ret
fentry: ret
# ---- expected
# function c1000000 traced
#   c1000000  call 0xC100001A                  | eax ecx edx ebx esp ebp esi edi cf df
#   c1000005  cli                              | eax ecx edx ebx esp ebp esi edi cf df
#   c1000006  jb 0xC1000015                    | eax ecx edx ebx esp ebp esi edi cf df
#   c1000008  cli                              | eax ecx edx ebx esp ebp esi edi cf df
#   c1000009  inc %eax                         | eax ecx edx ebx esp ebp esi edi cf df
#   c100000a  cli                              | eax ecx edx ebx esp ebp esi edi cf df
#   c100000b  adc $0,%eax                      | eax ecx edx ebx esp ebp esi edi zf df
#   c100000e  cli                              | eax ecx edx ebx esp ebp esi edi zf df
#   c100000f  shl %cl,%eax                     | eax.hu ecx edx ebx esp ebp esi edi zf df
#   c1000011  cli                              | eax.hu ecx edx ebx esp ebp esi edi zf df
#   c1000012  sete %al                         | eax ecx edx ebx esp ebp esi edi df
#   c1000015  cli                              | eax ecx edx ebx esp ebp esi edi df
#   c1000016  rep stos %eax,(%edi)             | eax edx ebx esp ebp esi edi df
#   c1000018  cli                              | eax edx ebx esp ebp esi edi df
#   c1000019  ret                              | eax edx ebx esp ebp esi edi df
# function c100001a
#   c100001a  ret                              | eax ecx edx ebx esp ebp esi edi cf pf af zf sf of df
