# test: sites
# bits: 32
# Caches, TLB, shadow stacks, device queues. clflush and endbr are no sites.
	invd
	wbinvd
	wbnoinvd
	invlpg (%eax)
	invpcid (%ecx), %eax
	invlpgb
	tlbsync
	setssbsy
	clrssbsy (%eax)
	wrussd %ecx, (%eax)
	wrssd %ecx, (%eax)
	rdsspd %ecx
	incsspd %ecx
	saveprevssp
	rstorssp (%eax)
	enqcmd (%ecx), %eax
	enqcmds (%ecx), %eax
	clflush (%eax)
	endbr32
# ---- expected
# c1000000  invd          privileged
# c1000002  wbinvd        privileged
# c1000004  wbnoinvd      privileged
# c1000007  invlpg        privileged
# c100000a  invpcid       privileged memory, eax
# c100000f  invlpgb       privileged
# c1000012  tlbsync       privileged
# c1000015  setssbsy      privileged
# c1000019  clrssbsy      privileged
# c100001d  wruss         privileged memory, ecx
# c1000022  wrss          silent     memory, ecx
# c1000026  rdssp         silent     ecx
# c100002a  incssp        silent     ecx
# c100002e  saveprevssp   silent
# c1000032  rstorssp      silent
# c1000036  enqcmd        silent     memory, eax
# c100003b  enqcmds       privileged memory, eax
