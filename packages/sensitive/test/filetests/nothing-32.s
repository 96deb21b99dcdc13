# test: sites
# bits: 32
# Ordinary code, and what looks sensitive to the eye.
	push %ebp
	mov %esp, %ebp
	lahf
	sahf
	std
	cld
	fninit
	fxsave (%eax)
	emms
	lock cmpxchg8b (%eax)
	mov %fs:(%eax), %ecx
	mov %ecx, %gs:4
	pause
	lfence
	clflush (%eax)
	bound %eax, (%ecx)
	int3
	ud2
	rdpkru
	wrpkru
	prefetchw (%eax)
	call nothing
nothing:
	leave
	ret
# ---- expected
# no sites
