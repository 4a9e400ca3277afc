"""Makes empty files until there are no more: the scratch space has so many inodes, and no more of the kernel's memory."""
made = 0
try:
    while made < 10**6:
        os.close(os.open("/tmp/%d" % made, os.O_CREAT))
        made += 1
except OSError:
    pass
if made > 70000:
    escaped("%d files" % made)
