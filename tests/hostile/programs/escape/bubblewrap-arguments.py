"""Reads the sandbox's own set-up (arguments, configuration, descriptors of bubblewrap): only process 1 of its own namespace is there."""
for pid in [p for p in os.listdir("/proc") if p.isdigit()]:
    try:
        words = open("/proc/%s/cmdline" % pid, "rb").read()
    except OSError:
        continue
    if b"bwrap" in words or b"--ro-bind" in words:
        escaped(words.decode(errors="replace"))
