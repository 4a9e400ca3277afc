"""Mounts file systems, binds and overlays, by the old and the new system calls: all are refused."""
for kind in (b"tmpfs", b"proc", b"sysfs", b"overlay", b"cgroup2", b"devpts", b"debugfs"):
    denied("mount", 165, 40, b"none", b"/tmp", kind, 0, None)
denied("bind", 165, 40, b"/", b"/tmp", None, 4096, None)
denied("umount", 166, 39, b"/opt/site", 2)
for name, number in (("open_tree", 428), ("move_mount", 429), ("fsopen", 430), ("fsconfig", 431), ("fsmount", 432), ("mount_setattr", 442)):
    denied(name, number, number, -100, b"/", 1, 0, 0)
