"""Wins capabilities back: raises them, sets them on a file, makes them ambient: it has none and can get none."""
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
    if int(status[name], 16):
        escaped(name)
for capability in range(41):
    if LIBC.prctl(47, 2, capability, 0, 0) == 0:
        escaped("ambient %d" % capability)
refused("file capabilities", os.setxattr, "/workspace", "security.capability", b"\1\0\0\2" + b"\xff" * 16)
if LIBC.prctl(38, 0, 0, 0, 0) == 0 or status["NoNewPrivs"].strip() != "1":
    escaped("new privileges")
