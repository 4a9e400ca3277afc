"""Writes one file beyond the largest size, and past it by truncate, fallocate and a hole: refused."""
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
fd = os.open("/tmp/large", os.O_RDWR | os.O_CREAT)
refused("truncate", os.truncate, fd, 1 << 40)
refused("hole", os.pwrite, fd, b"x", 1 << 40)
refused("allocate", os.posix_fallocate, fd, 0, 1 << 32)
