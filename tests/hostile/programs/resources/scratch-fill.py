"""Fills /tmp, /dev/shm and whatever else can be written: each has a size, and is empty again for the next call."""
total = 0
for folder in ("/tmp", "/dev/shm", "/dev", "/"):
    try:
        for number in range(100):
            with open("%s/fill-%d" % (folder, number), "wb") as file:
                for _ in range(16):
                    total += file.write(b"x" * (1 << 20))
    except OSError:
        pass
if total > 160 << 20:
    escaped("%d bytes" % total)
