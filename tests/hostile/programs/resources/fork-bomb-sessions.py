"""A fork bomb whose every process computes in a session of its own, to win the scheduler's favour: killed, and it says why."""
# ends: signal 9
# test: died
# grade: died
for _ in range(400):
    try:
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                pass
    except OSError:
        break
while True:
    pass
