"""Forks for ever, every child doing the same: it is held by its process budget, and over with its time."""
# ends: timeout
while True:
    try:
        os.fork()
    except OSError:
        pass
