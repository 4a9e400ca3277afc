"""Raises its priority, becomes a real-time process, takes the disk first: refused."""
refused("nice", os.nice, -5)
refused("priority", os.setpriority, os.PRIO_PROCESS, 0, -20)
for policy in (os.SCHED_FIFO, os.SCHED_RR):
    refused("real time", os.sched_setscheduler, 0, policy, os.sched_param(50))
if syscall(251, 30, 1, 0, 1 << 13) == 0:
    escaped("real-time disk")
