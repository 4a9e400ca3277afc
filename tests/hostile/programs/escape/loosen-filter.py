"""Takes its system call filter off, or calls by the x32 and the 32-bit numbers that a filter may forget."""
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
if status["Seccomp"].strip() != "2" or LIBC.prctl(22, 0, 0, 0, 0) == 0:
    escaped("no filter")
if X86:
    for number in (165, 272, 101, 321):
        denied("x32", number | 0x40000000, 0, 0, 0, 0, 0, 0)
