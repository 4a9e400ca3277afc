"""Signals the harness by its process id, and everything else it can name: it reaches nobody outside."""
refused("harness", os.kill, WORLD["pid"], 0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
others = [int(p) for p in os.listdir("/proc") if p.isdigit()]
if len(others) > 8:
    escaped("sees %d processes" % len(others))
for pid in (2, 3, 100, 1000, 4194303):
    if pid not in others:
        refused(str(pid), os.kill, pid, 0)
