# test: sites
# bits: 32
# Time, identity and waiting. pause and rdrand are no sites.
	cpuid
	rdtsc
	rdtscp
	rdpid %edi
	rdpmc
	rdpru
	monitor
	mwait
	monitorx
	mwaitx
	umonitor %eax
	umwait %ecx
	tpause %ecx
	pause
	rdrand %eax
# ---- expected
# c1000000  cpuid         silent
# c1000002  rdtsc         silent
# c1000004  rdtscp        silent
# c1000007  rdpid         silent     edi
# c100000b  rdpmc         silent
# c100000d  rdpru         silent
# c1000010  monitor       privileged
# c1000013  mwait         privileged
# c1000016  monitorx      silent
# c1000019  mwaitx        silent
# c100001c  umonitor      silent     eax
# c1000020  umwait        silent     ecx
# c1000024  tpause        silent     ecx
