"""Starts threads until it can not: they count as processes, and the run goes on."""
# Above sixteen tasks it computes only when nobody else wants to: beside others that may take longer than it has.
# ends: exit 0 or timeout
# test: passed or timeout
# grade: honest or timeout
import threading

threading.stack_size(1 << 18)
stop, started = threading.Event(), 0
try:
    for _ in range(2000):
        threading.Thread(target=stop.wait, daemon=True).start()
        started += 1
except RuntimeError:
    pass
stop.set()
if started > 200:
    escaped("%d threads" % started)
