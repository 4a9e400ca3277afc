"""Types into a terminal by TIOCSTI and TIOCLINUX, also with high bits set, which a naive filter misses: refused."""
for request in (0x5412, 0x541C, 0x5412 | 1 << 40, 0x541C | 1 << 63):
    denied("ioctl", 16, 29, 0, ctypes.c_ulong(request), b"x")
refused("controlling terminal", open, "/dev/tty", "w")
