"""Traces its parent, the first process and itself; reads and writes the memory of others: refused."""
for pid in (1, os.getppid(), 0):
    denied("attach", 101, 117, 16, pid, 0, 0)
    denied("seize", 101, 117, 0x4206, pid, 0, 0)
denied("traceme", 101, 117, 0, 0, 0, 0)
denied("process_vm_readv", 310, 270, 1, 0, 0, 0, 0, 0)
denied("process_vm_writev", 311, 271, 1, 0, 0, 0, 0, 0)
denied("kcmp", 312, 272, 1, os.getpid(), 0, 0, 0)
for name in ("mem", "maps", "syscall", "stack", "environ"):
    refused("/proc/1/" + name, lambda n=name: open("/proc/1/" + n, "rb").read(1))
