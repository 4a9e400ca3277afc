"""Writes fifty megabytes without a newline, some to stderr: both ends are kept and the rest is counted."""
for number in range(50):
    os.write(1 + number % 2, b"x" * (1 << 20))
