# test: sites
# bits: 32
# Port I/O: three widths, immediate ports and DX, strings.
	in $0x60, %al
	in $0x71, %ax
	in $0xcf, %eax
	in (%dx), %al
	in (%dx), %ax
	in (%dx), %eax
	out %al, $0x20
	out %ax, $0x70
	out %eax, $0xcf
	out %al, (%dx)
	out %ax, (%dx)
	out %eax, (%dx)
	insb
	insw
	insl
	rep insw
	outsb
	rep outsb
	outsw
	rep outsl
	addr16 insb
	fs outsl
# ---- expected
# c1000000  in            port-io    al, immediate
# c1000002  in            port-io    ax, immediate
# c1000005  in            port-io    eax, immediate
# c1000007  in            port-io    al, dx
# c1000008  in            port-io    ax, dx
# c100000a  in            port-io    eax, dx
# c100000b  out           port-io    immediate, al
# c100000d  out           port-io    immediate, ax
# c1000010  out           port-io    immediate, eax
# c1000012  out           port-io    dx, al
# c1000013  out           port-io    dx, ax
# c1000015  out           port-io    dx, eax
# c1000016  ins           port-io    byte
# c1000017  ins           port-io    word
# c1000019  ins           port-io    doubleword
# c100001a  ins           port-io    word, rep
# c100001d  outs          port-io    byte
# c100001e  outs          port-io    byte, rep
# c1000020  outs          port-io    word
# c1000022  outs          port-io    doubleword, rep
# c1000024  ins           port-io    byte, unusual
# c1000026  outs          port-io    doubleword, unusual
