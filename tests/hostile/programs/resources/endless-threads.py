"""Computes in many threads and processes at once: it is killed when its time is over, and the neighbour is not slower for it."""
# ends: timeout
import threading

for _ in range(6):
    if os.fork() == 0:
        break
for _ in range(8):
    threading.Thread(target=lambda: all(x == 0 for x in iter(int, 1)), daemon=True).start()
while True:
    pass
