"""Becomes a subreaper, so that orphans are its own and not the first process's: they still end with the call."""
LIBC.prctl(36, 1, 0, 0, 0)
for _ in range(5):
    if os.fork() == 0:
        if os.fork() == 0:
            time.sleep(3600)
        os._exit(0)
for _ in range(5):
    os.wait()
