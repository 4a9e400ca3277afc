"""Loads programs into the kernel or watches it: bpf, perf events, userfaultfd, fanotify, modules, kexec."""
denied("bpf", 321, 280, 0, b"\0" * 128, 128)
denied("perf_event_open", 298, 241, b"\0" * 128, 0, -1, -1, 0)
denied("userfaultfd", 323, 282, 0)
denied("fanotify_init", 300, 262, 0, 0)
denied("init_module", 175, 105, b"", 0, b"")
denied("finit_module", 313, 273, 0, b"", 0)
denied("delete_module", 176, 106, b"ext4", 0)
denied("kexec_load", 246, 104, 0, 0, 0, 0)
