# test: sites
# bits: 32
# The interrupt flag, and supervisor access.
irq_save:
	pushf
	pop %eax
	cli
	ret
irq_restore:
	test $2, %ah
	je 1f
	sti
1:	ret
copy:	stac
	rep movsb
	clac
	pushfw
	popfw
	popf
	sti
	hlt
	ret
# ---- expected
# c1000000  pushf         silent
# c1000002  cli           privileged
# c1000009  sti           privileged
# c100000b  stac          privileged
# c1000010  clac          privileged
# c1000013  pushf         silent     unusual
# c1000015  popf          silent     unusual
# c1000017  popf          silent
# c1000018  sti           privileged
# c1000019  hlt           privileged
