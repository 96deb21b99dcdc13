# test: sites
# bits: 64
# The same in 64-bit mode: the usual size of the flags is eight bytes.
	pushf
	pop %rax
	cli
	push %rax
	popf
	pushfw
	popfw
	stac
	clac
	sti
	hlt
	rex.W pushf
	ret
# ---- expected
# ffffffff81000000  pushf         silent
# ffffffff81000002  cli           privileged
# ffffffff81000004  popf          silent
# ffffffff81000005  pushf         silent     unusual
# ffffffff81000007  popf          silent     unusual
# ffffffff81000009  stac          privileged
# ffffffff8100000c  clac          privileged
# ffffffff8100000f  sti           privileged
# ffffffff81000010  hlt           privileged
# ffffffff81000011  pushf         silent
