"""Opens files, pipes and sockets until it can not, in itself and in children: each process has so many and no more."""
def greedy():
    held = []
    try:
        while len(held) < 100000:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    for fd in held:
        os.close(fd)
    return 3 if len(held) > 300 else 0

if greedy() or any(forked(greedy) == 3 for _ in range(3)):
    escaped("descriptors")
