"""Leaves children unreaped until no more fit: they count, and are gone with the call."""
made = 0
try:
    for _ in range(2000):
        if os.fork() == 0:
            os._exit(0)
        made += 1
except OSError:
    pass
if made > 200:
    escaped("%d zombies" % made)
