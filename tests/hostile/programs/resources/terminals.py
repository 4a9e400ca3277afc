"""Opens pseudo terminals in many processes until the machine has none left: the sandbox has a few of its own."""
def greedy():
    held = []
    try:
        while len(held) < 200:
            held += os.openpty()
    except OSError:
        pass
    count = len(held) // 2
    time.sleep(1)
    for fd in held:
        os.close(fd)
    return min(count, 99)

children = []
for _ in range(6):
    pid = os.fork()
    if pid == 0:
        os._exit(greedy())
    children.append(pid)
found = sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children)
if found > 128:
    escaped("%d terminals" % found)
