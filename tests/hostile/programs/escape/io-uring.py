"""Sets up an io_uring, which would do its work past every filter: refused."""
for number in (425, 426, 427):
    denied("io_uring", number, number, 8, b"\0" * 120, 0, 0, 0, 0)
