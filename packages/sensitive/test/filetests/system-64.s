# test: sites
# bits: 64
# The same in 64-bit mode, with CR8 and the upper registers.
	mov %cr8, %rax
	mov %r9, %cr8
	mov %r15, %cr3
	mov %cr2, %r12
	mov %db7, %r8
	mov %rax, %db0
	smsw %rax
	lmsw %r10w
	clts
	rdmsr
	wrmsr
	.byte 0x0f, 0x01, 0xc6		# wrmsrns
	.byte 0xf2, 0x0f, 0x01, 0xc6	# rdmsrlist
	.byte 0xf3, 0x0f, 0x01, 0xc6	# wrmsrlist
	xgetbv
	xsetbv
	xsaves64 (%rdi)
	xrstors64 (%rdi)
# ---- expected
# ffffffff81000000  mov-from-cr   privileged rax, cr8
# ffffffff81000004  mov-to-cr     privileged cr8, r9
# ffffffff81000008  mov-to-cr     privileged cr3, r15
# ffffffff8100000c  mov-from-cr   privileged r12, cr2
# ffffffff81000010  mov-from-dr   privileged r8, dr7
# ffffffff81000014  mov-to-dr     privileged dr0, rax
# ffffffff81000017  smsw          silent     rax
# ffffffff8100001b  lmsw          privileged r10
# ffffffff8100001f  clts          privileged
# ffffffff81000021  rdmsr         privileged
# ffffffff81000023  wrmsr         privileged
# ffffffff81000025  wrmsrns       privileged
# ffffffff81000028  rdmsrlist     privileged
# ffffffff8100002c  wrmsrlist     privileged
# ffffffff81000030  xgetbv        silent
# ffffffff81000033  xsetbv        privileged
# ffffffff81000036  xsaves        privileged
# ffffffff8100003a  xrstors       privileged
