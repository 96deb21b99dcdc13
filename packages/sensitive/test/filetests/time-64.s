# test: sites
# bits: 64
	cpuid
	rdtsc
	rdtscp
	rdpid %r9
	rdpmc
	rdpru
	monitor
	mwait
	umonitor %r10
	umwait %r11d
	tpause %ebx
	pause
	rdseed %rax
# ---- expected
# ffffffff81000000  cpuid         silent
# ffffffff81000002  rdtsc         silent
# ffffffff81000004  rdtscp        silent
# ffffffff81000007  rdpid         silent     r9
# ffffffff8100000c  rdpmc         silent
# ffffffff8100000e  rdpru         silent
# ffffffff81000011  monitor       privileged
# ffffffff81000014  mwait         privileged
# ffffffff81000017  umonitor      silent     r10
# ffffffff8100001c  umwait        silent     r11
# ffffffff81000021  tpause        silent     rbx
