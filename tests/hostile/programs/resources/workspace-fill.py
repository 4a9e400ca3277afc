"""Fills the workspace to its last byte where no change is recorded: writing fails, the runtime still works."""
os.makedirs("/workspace/__pycache__", exist_ok=True)
total = 0
try:
    for number in range(100):
        with open("/workspace/__pycache__/%d" % number, "wb") as file:
            for _ in range(16):
                total += file.write(b"x" * (1 << 20))
except OSError:
    pass
finally:
    for name in os.listdir("/workspace/__pycache__"):
        os.unlink("/workspace/__pycache__/" + name)
if total > 300 << 20:
    escaped("%d bytes" % total)
