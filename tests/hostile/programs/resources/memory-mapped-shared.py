"""Shares one mapping among many processes, so that it is counted many times: it is counted once, and nobody is killed."""
import mmap

shared = mmap.mmap(-1, 48 << 20)
for place in range(0, len(shared), 4096):
    shared[place] = 1
children = []
for _ in range(40):
    pid = os.fork()
    if pid == 0:
        sum(shared[place] for place in range(0, len(shared), 4096))
        time.sleep(0.7)
        os._exit(0)
    children.append(pid)
if any(os.waitpid(pid, 0)[1] for pid in children):
    escaped("an honest process was killed")
