"""Leaves its control group or changes its limits: the control group file systems are not there."""
for place in ("/sys", "/sys/fs/cgroup", "/sys/kernel", "/sys/class"):
    if os.path.exists(place):
        escaped(place)
for line in open("/proc/self/mountinfo"):
    if " cgroup" in line:
        escaped(line)
