# test: sites
# bits: 64
	vmcall
	vmread %rax, %r9
	vmwrite (%rbx), %r8
	invept (%rcx), %rax
	vmmcall
	vmgexit
	psmash
	pvalidate
	rmpadjust
	rmpupdate
	.byte 0xf3, 0x0f, 0x01, 0xfd	# rmpquery
	encls
	enclu
	pconfig
	.byte 0x0f, 0x01, 0xc7		# pbndkb
	tdcall
	seamcall
	seamops
	seamret
# ---- expected
# ffffffff81000000  vmcall        silent
# ffffffff81000003  vmread        privileged r9, rax
# ffffffff81000007  vmwrite       privileged memory, r8
# ffffffff8100000b  invept        privileged memory, rax
# ffffffff81000010  vmmcall       silent
# ffffffff81000013  vmgexit       silent
# ffffffff81000017  psmash        privileged
# ffffffff8100001b  pvalidate     privileged
# ffffffff8100001f  rmpadjust     privileged
# ffffffff81000023  rmpupdate     privileged
# ffffffff81000027  rmpquery      privileged
# ffffffff8100002b  encls         privileged
# ffffffff81000031  pconfig       privileged
# ffffffff81000034  pbndkb        privileged
# ffffffff81000037  tdcall        privileged
# ffffffff8100003b  seamcall      privileged
# ffffffff8100003f  seamops       privileged
# ffffffff81000043  seamret       privileged
