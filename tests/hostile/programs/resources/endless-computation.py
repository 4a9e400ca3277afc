"""Computes for ever and ignores every signal that can be ignored: it is killed when its time is over."""
# ends: timeout
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    pass
