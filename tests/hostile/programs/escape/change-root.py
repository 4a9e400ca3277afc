"""Leaves by chroot and `..`, or by pivot_root, the classical way out: refused."""
os.makedirs("/tmp/jail", exist_ok=True)
denied("chroot", 161, 51, b"/tmp/jail")
denied("pivot_root", 155, 41, b"/tmp", b"/tmp/jail")
os.chdir("/")
for _ in range(100):
    os.chdir("..")
if os.path.exists(CANARY[1:]):
    escaped("above the root")
