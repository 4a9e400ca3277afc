"""Attaches to System V shared memory and message queues of the host: it can name none."""
for line in list(open("/proc/sysvipc/shm"))[1:] + list(open("/proc/sysvipc/msg"))[1:]:
    escaped(line)
