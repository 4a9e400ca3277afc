"""Stops and continues its parent and children a thousand times to confuse whoever waits: the end is seen once."""
pid = os.fork()
if pid == 0:
    time.sleep(3600)
for _ in range(1000):
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGCONT)
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
