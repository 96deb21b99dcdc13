# test: sites
# bits: 32
# Control, debug and model-specific registers.
	mov %cr0, %eax
	mov %eax, %cr0
	mov %cr2, %edx
	mov %edi, %cr3
	mov %cr4, %ebp
	mov %db7, %ecx
	mov %ecx, %db6
	clts
	lmsw %ax
	lmsw (%eax)
	smsw %eax
	smsw %ax
	smsw (%eax)
	rdmsr
	wrmsr
	xgetbv
	xsetbv
	xsaves (%eax)
	xrstors (%eax)
# ---- expected
# c1000000  mov-from-cr   privileged eax, cr0
# c1000003  mov-to-cr     privileged cr0, eax
# c1000006  mov-from-cr   privileged edx, cr2
# c1000009  mov-to-cr     privileged cr3, edi
# c100000c  mov-from-cr   privileged ebp, cr4
# c100000f  mov-from-dr   privileged ecx, dr7
# c1000012  mov-to-dr     privileged dr6, ecx
# c1000015  clts          privileged
# c1000017  lmsw          privileged eax
# c100001a  lmsw          privileged memory
# c100001d  smsw          silent     eax
# c1000020  smsw          silent     eax, unusual
# c1000024  smsw          silent     memory
# c1000027  rdmsr         privileged
# c1000029  wrmsr         privileged
# c100002b  xgetbv        silent
# c100002e  xsetbv        privileged
# c1000031  xsaves        privileged
# c1000034  xrstors       privileged
