# test: sites
# bits: 32
# Instructions of and for hypervisors.
	vmcall
	vmfunc
	vmlaunch
	vmresume
	vmxon (%eax)
	vmxoff
	vmptrld (%eax)
	vmptrst (%eax)
	vmclear (%eax)
	vmread %eax, %ebx
	vmread %eax, (%ebx)
	vmwrite %ebx, %eax
	invept (%ecx), %eax
	invvpid (%ecx), %eax
	vmmcall
	vmgexit
	vmrun
	vmload
	vmsave
	stgi
	clgi
	invlpga
	skinit
	encls
	enclv
	getsec
	pconfig
	.byte 0xf3, 0x0f, 0x38, 0xdc, 0xc1	# loadiwkey %xmm1, %xmm0
	.byte 0xf3, 0x0f, 0x3a, 0xf0, 0xc0, 0	# hreset $0
	.byte 0x66, 0x0f, 0x01, 0xcc	# tdcall
# ---- expected
# c1000000  vmcall        silent
# c1000003  vmfunc        silent
# c1000006  vmlaunch      privileged
# c1000009  vmresume      privileged
# c100000c  vmxon         privileged
# c1000010  vmxoff        privileged
# c1000013  vmptrld       privileged
# c1000016  vmptrst       privileged
# c1000019  vmclear       privileged
# c100001d  vmread        privileged ebx, eax
# c1000020  vmread        privileged memory, eax
# c1000023  vmwrite       privileged ebx, eax
# c1000026  invept        privileged memory, eax
# c100002b  invvpid       privileged memory, eax
# c1000030  vmmcall       silent
# c1000033  vmgexit       silent
# c1000037  vmrun         privileged
# c100003a  vmload        privileged
# c100003d  vmsave        privileged
# c1000040  stgi          privileged
# c1000043  clgi          privileged
# c1000046  invlpga       privileged
# c1000049  skinit        privileged
# c100004c  encls         privileged
# c100004f  enclv         privileged
# c1000052  getsec        privileged
# c1000054  pconfig       privileged
# c1000057  loadiwkey     privileged
# c100005c  hreset        privileged
# c1000062  tdcall        privileged
