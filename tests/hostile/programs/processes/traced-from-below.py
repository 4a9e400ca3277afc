"""Lets a child trace and read its parent, which runs the tests: refused between any two processes."""
parent = os.getpid()
LIBC.prctl(0x59616D61, ctypes.c_ulong(2**64 - 1), 0, 0, 0)

def look():
    return 3 if syscall(101, 117, 16, parent, 0, 0) not in ("EPERM", "ENOSYS") else 0

if forked(look) == 3:
    escaped("traced")
