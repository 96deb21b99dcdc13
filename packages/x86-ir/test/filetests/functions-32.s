# test: functions
# bits: 32
# functions: f g fentry last
# transparent: fentry
# no-return: g
# thunks: thunk=ecx
# taken: last
f:      call    fentry
        call    called
        call    thunk
        ret
called: ret
g:      call    called
        ud2
fentry: ret
thunk:  jmp     *%ecx
last:   push    %ebp
        call    fentry
        ret
# ---- expected
# function 0: c1000000-c1000010 (4) traced
# function 1: c1000010-c1000011 (1)
# function 2: c1000011-c1000018 (2) no return
# function 3: c1000018-c1000019 (1) transparent
# function 4: c1000019-c100001b (1) thunk
# function 5: c100001b-c1000022 (3) address taken
