"""Fills the buffers of many pipes and sockets, which belong to the kernel: bounded by descriptors, and gone with the call."""
held = []
try:
    while True:
        a, b = socket.socketpair()
        a.setblocking(False)
        held += [a, b]
        try:
            while True:
                a.send(b"x" * 65536)
        except BlockingIOError:
            pass
except OSError:
    pass
for each in held:
    each.close()
