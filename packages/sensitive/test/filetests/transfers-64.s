# test: sites
# bits: 64
# In 64-bit mode; IRETD, SYSRETL and a far jump without REX.W have an unusual size.
	iretq
	iretl
	lcall *(%rax)
	rex.W lcall *(%rax)
	ljmp *8(%r9)
	lretq
	lret
	int $0x80
	int3
	syscall
	sysretq
	sysretl
	sysenter
	sysexit
	rex.W sysexit
	.byte 0xf2, 0x0f, 0x01, 0xca	# erets
	.byte 0xf3, 0x0f, 0x01, 0xca	# eretu
	rsm
	ud2
# ---- expected
# ffffffff81000000  iret          silent
# ffffffff81000002  iret          silent     unusual
# ffffffff81000003  call-far      silent     unusual
# ffffffff81000005  call-far      silent
# ffffffff81000008  jmp-far       silent     unusual
# ffffffff8100000c  ret-far       silent
# ffffffff8100000e  ret-far       silent     unusual
# ffffffff8100000f  int           silent     80h
# ffffffff81000012  syscall       silent
# ffffffff81000014  sysret        privileged
# ffffffff81000017  sysret        privileged unusual
# ffffffff81000019  sysenter      silent
# ffffffff8100001b  sysexit       privileged unusual
# ffffffff8100001d  sysexit       privileged
# ffffffff81000020  erets         privileged
# ffffffff81000024  eretu         privileged
# ffffffff81000028  rsm           privileged
