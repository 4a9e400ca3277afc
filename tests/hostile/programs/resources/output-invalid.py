"""Writes bytes that are no UTF-8, cut in the middle of characters, and NUL: shown in escapes, never raised."""
for number in range(3000):
    os.write(1, b"\xe2\x9c\x93\xff\xfe\x00\x1b[2J\xe2\x9c")
