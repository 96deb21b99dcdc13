# test: sites
# bits: 64
# Port I/O in 64-bit mode.
	in $0x60, %al
	in (%dx), %eax
	out %al, $0x80
	out %ax, (%dx)
	rex.W in (%dx), %eax
	rep insl
	rep outsw
	addr32 rep outsb
# ---- expected
# ffffffff81000000  in            port-io    al, immediate
# ffffffff81000002  in            port-io    eax, dx
# ffffffff81000003  out           port-io    immediate, al
# ffffffff81000005  out           port-io    dx, ax
# ffffffff81000007  in            port-io    eax, dx
# ffffffff81000009  ins           port-io    doubleword, rep
# ffffffff8100000b  outs          port-io    word, rep
# ffffffff8100000e  outs          port-io    byte, rep, unusual
