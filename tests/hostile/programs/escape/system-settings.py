"""Writes the kernel's settings: core pattern, sysrq, modprobe, hostname, clock, swap, reboot: refused."""
for path in ("sys/kernel/core_pattern", "sys/kernel/modprobe", "sysrq-trigger", "sys/vm/overcommit_memory", "sys/kernel/hostname", "sys/fs/binfmt_misc/register"):
    refused(path, lambda p=path: os.write(os.open("/proc/" + p, os.O_WRONLY), b"x"))
denied("reboot", 169, 142, 0xFEE1DEAD, 672274793, 0x01234567, None)
denied("sethostname", 170, 161, b"x", 1)
denied("swapon", 167, 224, b"/tmp/x", 0)
denied("settimeofday", 164, 170, b"\0" * 16, None)
denied("clock_settime", 227, 112, 0, b"\0" * 16)
