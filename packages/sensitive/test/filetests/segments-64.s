# test: sites
# bits: 64
# Segment registers, descriptor tables and bases in 64-bit mode.
	mov %gs:0x28, %rax
	mov %r9d, %ds
	mov %eax, %ss
	mov %cs, %r10
	mov %ds, %ax
	mov %ss, %eax
	mov %fs, (%rdi)
	push %fs
	push %gs
	pushw %fs
	pop %fs
	pop %gs
	rex.W lss (%rax), %esp
	lfs (%rax), %r8d
	lgdt (%rax)
	lidt table(%rip)
	sgdt (%rsp)
	sidt (%rsp)
	lldt %r8w
	sldt %rax
	ltr %di
	str %r11d
	str %r11w
	lar %r9d, %r10d
	lsl %eax, %ecx
	verw table(%rip)
	swapgs
	rdfsbase %rax
	rdgsbase %r12
	wrfsbase %rcx
	wrgsbase %ecx
	.byte 0xf2, 0x0f, 0x00, 0xf0	# lkgs %eax
table:
# ---- expected
# ffffffff81000009  mov-to-sreg   silent     ds, r9
# ffffffff8100000c  mov-to-sreg   silent     ss, rax
# ffffffff8100000e  mov-from-sreg silent     r10, cs
# ffffffff81000011  mov-from-sreg silent     rax, ds, unusual
# ffffffff81000014  mov-from-sreg silent     rax, ss
# ffffffff81000016  mov-from-sreg silent     memory, fs
# ffffffff81000018  push-sreg     silent     fs
# ffffffff8100001a  push-sreg     silent     gs
# ffffffff8100001c  push-sreg     silent     fs, unusual
# ffffffff8100001f  pop-sreg      silent     fs
# ffffffff81000021  pop-sreg      silent     gs
# ffffffff81000023  lss           silent     rsp
# ffffffff81000027  lfs           silent     r8
# ffffffff8100002b  lgdt          privileged
# ffffffff8100002e  lidt          privileged
# ffffffff81000035  sgdt          silent
# ffffffff81000039  sidt          silent
# ffffffff8100003d  lldt          privileged r8
# ffffffff81000041  sldt          silent     rax
# ffffffff81000044  ltr           privileged rdi
# ffffffff81000047  str           silent     r11
# ffffffff8100004b  str           silent     r11, unusual
# ffffffff81000050  lar           silent     r9, r10
# ffffffff81000054  lsl           silent     rax, rcx
# ffffffff81000057  verw          silent     memory
# ffffffff8100005e  swapgs        privileged
# ffffffff81000061  rdfsbase      silent     rax
# ffffffff81000066  rdgsbase      silent     r12
# ffffffff8100006b  wrfsbase      silent     rcx
# ffffffff81000070  wrgsbase      silent     rcx, unusual
# ffffffff81000074  lkgs          privileged rax
