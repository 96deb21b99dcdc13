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
	lss (%rax), %rsp
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
