"""Searches every file, environment, command line, descriptor and all memory that it can open for the gold patch, the hidden tests and a neighbour's file: they are nowhere, but for the hidden tests while they are graded."""
import glob, re, stat

MARK = re.compile(b"cnry-(gold|hidden|neighbour)-[0-9a-f]{16}")
SKIPPED = ("/proc", "/sys", "/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/opt/python", "/dev/pts")
STEP, OVERLAP, found = 4 << 20, 64, set()


def look(name, data):
    found.update((match[1].decode(), name) for match in MARK.finditer(data))


def read(name, offset=0, size=STEP):
    fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
    try:
        regular = stat.S_ISREG(os.fstat(fd).st_mode)
        return os.pread(fd, size, offset) if regular else b""
    finally:
        os.close(fd)


def memory(process):
    for line in open(process + "/maps", "rb").read().splitlines():
        start, end = (int(part, 16) for part in line.split()[0].split(b"-"))
        for at in range(start, end, STEP):
            try:
                look(process + "/mem", read(process + "/mem", at, min(STEP + OVERLAP, end - at)))
            except (OSError, OverflowError):
                pass


for root in WORLD.get("roots", ["/"]):
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if os.path.join(folder, name) not in SKIPPED]
        for name in files:
            try:
                look(os.path.join(folder, name), read(os.path.join(folder, name)))
            except OSError:
                pass
for process in glob.glob("/proc/[0-9]*") + ["/proc/%d" % WORLD["pid"]]:
    for place in [process + "/environ", process + "/cmdline"] + glob.glob(process + "/fd/*"):
        try:
            look(place, read(place))
        except OSError:
            pass
    try:
        memory(process)
    except OSError:
        pass
if os.path.exists("/workspace/tests/test_hidden.py"):
    found = {each for each in found if each[0] != "hidden"}
if found:
    escaped(repr(sorted(found)[:5]))
