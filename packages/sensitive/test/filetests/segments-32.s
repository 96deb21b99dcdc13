# test: sites
# bits: 32
# Segment registers and descriptor tables. An access through %fs is no site.
	mov %fs:0x1234, %eax
	mov %eax, %ds
	mov %ebx, %es
	mov (%esi), %fs
	mov %ax, %ss
	mov %cs, %eax
	mov %ds, %ax
	mov %gs, (%edi)
	push %cs
	push %ss
	push %ds
	push %es
	push %fs
	push %gs
	pushw %ds
	pop %ds
	pop %es
	pop %fs
	pop %gs
	pop %ss
	lds (%eax), %ecx
	les (%eax), %edx
	lss (%eax), %esp
	lfs (%eax), %ebx
	lgs (%eax), %bx
	lgdt (%eax)
	lgdtw (%eax)
	lidt table
	sgdt (%esp)
	sidt (%esp)
	lldt %ax
	lldt (%eax)
	sldt %ecx
	sldt %cx
	sldt (%ecx)
	ltr %dx
	str %edx
	lar %ecx, %eax
	lsl (%ebx), %eax
	lar %cx, %ax
	verr %ax
	verw (%esp)
	arpl %cx, %dx
	arpl %cx, (%edx)
table:
# ---- expected
# c1000006  mov-to-sreg   silent     ds, eax
# c1000008  mov-to-sreg   silent     es, ebx
# c100000a  mov-to-sreg   silent     fs, memory
# c100000c  mov-to-sreg   silent     ss, eax
# c100000e  mov-from-sreg silent     eax, cs
# c1000010  mov-from-sreg silent     eax, ds, unusual
# c1000013  mov-from-sreg silent     memory, gs
# c1000015  push-sreg     silent     cs
# c1000016  push-sreg     silent     ss
# c1000017  push-sreg     silent     ds
# c1000018  push-sreg     silent     es
# c1000019  push-sreg     silent     fs
# c100001b  push-sreg     silent     gs
# c100001d  push-sreg     silent     ds, unusual
# c100001f  pop-sreg      silent     ds
# c1000020  pop-sreg      silent     es
# c1000021  pop-sreg      silent     fs
# c1000023  pop-sreg      silent     gs
# c1000025  pop-sreg      silent     ss
# c1000026  lds           silent     ecx
# c1000028  les           silent     edx
# c100002a  lss           silent     esp
# c100002d  lfs           silent     ebx
# c1000030  lgs           silent     ebx, unusual
# c1000034  lgdt          privileged
# c1000037  lgdt          privileged unusual
# c100003b  lidt          privileged
# c1000042  sgdt          silent
# c1000046  sidt          silent
# c100004a  lldt          privileged eax
# c100004d  lldt          privileged memory
# c1000050  sldt          silent     ecx
# c1000053  sldt          silent     ecx, unusual
# c1000057  sldt          silent     memory
# c100005a  ltr           privileged edx
# c100005d  str           silent     edx
# c1000060  lar           silent     ecx, eax
# c1000063  lsl           silent     memory, eax
# c1000066  lar           silent     ecx, eax, unusual
# c100006a  verr          silent     eax
# c100006d  verw          silent     memory
# c1000071  arpl          silent     edx, ecx
# c1000073  arpl          silent     memory, ecx
