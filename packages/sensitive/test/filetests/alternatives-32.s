# test: sites
# bits: 32
# Sites in replacements of alternatives are marked: their bytes run elsewhere.
site:	nop
	nop
	nop
	sti
	ret
replacement:
	clac
	stac
	rdtscp
replacement_end:
	cli
# ---- expected
# c1000003  sti           privileged
# c1000005  clac          privileged  [alternative]
# c1000008  stac          privileged  [alternative]
# c100000b  rdtscp        silent      [alternative]
# c100000e  cli           privileged
