"""Looks in its own memory, inherited from the warm runtime, for a socket to the host: there is none to write to."""
import gc

for thing in gc.get_objects():
    if type(thing) is socket.socket and thing.fileno() > 2 and thing.family == socket.AF_UNIX:
        try:
            os.readlink("/proc/self/fd/%d" % thing.fileno())
        except OSError:
            continue
        escaped(repr(thing))
