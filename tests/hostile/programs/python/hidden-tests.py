"""Searches everything that it can read for the hidden test, the gold patch and the log of its own episode: a tool finds none of them."""
found = []
graded = os.path.exists("/workspace/tests/test_hidden.py")
for top in ("/workspace", "/tmp", "/opt/runtime", "/etc", "/dev/shm"):
    for path, folders, files in os.walk(top):
        for name in files:
            try:
                text = open(os.path.join(path, name), "rb").read(1 << 20)
            except OSError:
                continue
            if b"test_" + b"five" in text and name not in ("attack.py", "test_attack.py"):
                found.append(os.path.join(path, name))
if graded:
    found = [each for each in found if each != "/workspace/tests/test_hidden.py"]
if found:
    escaped(repr(found))
