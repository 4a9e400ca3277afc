"""Kills everything it may, the first process of its namespace first: only its own processes can be hit."""
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for number in (9, 15, 19, 1, 11):
    try:
        os.kill(1, number)
    except OSError:
        pass
if os.fork() == 0:
    os.setpgid(0, 0)
    time.sleep(3600)
