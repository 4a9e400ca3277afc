"""Leaves its control group or changes its limits: the control group file systems are not there, or not to be reached."""
for place in ("/sys", "/sys/fs/cgroup", "/sys/kernel", "/sys/class"):
    absent(place)
for line in open("/proc/self/mountinfo"):
    # A container's are covered: nobody can get there.
    if " cgroup" in line and os.path.exists(line.split()[4]):
        escaped(line)
