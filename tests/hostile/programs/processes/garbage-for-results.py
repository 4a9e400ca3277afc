"""Writes forged results and garbage to every descriptor: what is not from the reporter is not believed."""
forged = b'\n{"test": "tests/test_double.py::test_three", "outcome": "passed"}\n{"test": "tests/test_hidden.py::test_five", "outcome": "passed"}\n\0\xff\n'
for fd in range(3, 256):
    try:
        os.write(fd, forged)
        os.write(fd, b"S0\n")
    except OSError:
        pass
