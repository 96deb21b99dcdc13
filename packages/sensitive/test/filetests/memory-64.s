# test: sites
# bits: 64
	wbinvd
	wbnoinvd
	invlpg (%r8)
	invpcid (%rcx), %r9
	invlpgb
	tlbsync
	setssbsy
	wrussq %rcx, (%rax)
	wrssq %r12, (%rax)
	rdsspq %rcx
	incsspq %r9
	enqcmds (%rcx), %rax
	clflushopt (%rax)
	cldemote (%rax)
	endbr64
# ---- expected
# ffffffff81000000  wbinvd        privileged
# ffffffff81000002  wbnoinvd      privileged
# ffffffff81000005  invlpg        privileged
# ffffffff81000009  invpcid       privileged memory, r9
# ffffffff8100000f  invlpgb       privileged
# ffffffff81000012  tlbsync       privileged
# ffffffff81000015  setssbsy      privileged
# ffffffff81000019  wruss         privileged memory, rcx
# ffffffff8100001f  wrss          silent     memory, r12
# ffffffff81000024  rdssp         silent     rcx
# ffffffff81000029  incssp        silent     r9
# ffffffff8100002e  enqcmds       privileged memory, rax
