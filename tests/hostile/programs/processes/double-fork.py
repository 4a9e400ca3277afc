"""Forks twice, closes everything and leaves: the orphan is gone with the call."""
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 256)
        time.sleep(3600)
    os._exit(0)
os.wait()
