"""Sends every signal to every process it sees, a hundred times: nobody outside its call hears of it."""
own = os.getpid()
for _ in range(100):
    for pid in [int(p) for p in os.listdir("/proc") if p.isdigit()]:
        for number in (signal.SIGUSR1, signal.SIGCHLD, signal.SIGWINCH, signal.SIGURG):
            if pid == 1:
                os.kill(pid, number)
