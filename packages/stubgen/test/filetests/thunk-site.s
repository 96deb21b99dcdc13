# test: plan
# bits: 64
# returns: r
# tables: all
f:      cli
r:      jmp thunk
thunk:  ret
# ---- expected
# 81000000 cli in place: thunk-site
