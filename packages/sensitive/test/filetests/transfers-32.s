# test: sites
# bits: 32
# Transfers of control that look at privilege. int3 and ud2 are no sites.
	iret
	iretw
	lcall $0x10, $next
	ljmp $0x10, $next
	lcall *(%eax)
	lcallw *(%eax)
	ljmp *4(%ebx)
next:	lret
	lret $8
	lretw
	int $0x80
	int $0x20
	int3
	into
	sysenter
	sysexit
	syscall
	sysret
	rsm
	ud2
	ret
# ---- expected
# c1000000  iret          silent
# c1000001  iret          silent     unusual
# c1000003  call-far      silent
# c100000a  jmp-far       silent
# c1000011  call-far      silent
# c1000013  call-far      silent     unusual
# c1000016  jmp-far       silent
# c1000019  ret-far       silent
# c100001a  ret-far       silent
# c100001d  ret-far       silent     unusual
# c100001f  int           silent     80h
# c1000021  int           silent     20h
# c1000024  into          silent
# c1000025  sysenter      silent
# c1000027  sysexit       privileged
# c1000029  syscall       silent
# c100002b  sysret        privileged
# c100002d  rsm           privileged
