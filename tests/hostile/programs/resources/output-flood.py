"""Writes output as fast as it can: only both ends are kept, and it is killed when its time is over."""
# ends: timeout
block = b"flood " * 20000
while True:
    try:
        os.write(1, block)
    except OSError:
        time.sleep(60)
