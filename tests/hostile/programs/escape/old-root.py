"""Plants links to /oldroot, bubblewrap's own name for the host while it sets up, where later set-ups could follow them."""
import contextlib

for name in ("tmp", "dev", "proc", ".git", "tests", "opt"):
    with contextlib.suppress(FileExistsError):
        os.symlink("/oldroot" + FOLDER, "/workspace/link-" + name)
for place in ("/oldroot", "/newroot", "/workspace/link-tmp/inner", "/workspace/link-dev/canary"):
    if os.path.exists(place):
        escaped(place)
for name in os.listdir("/workspace"):
    if name.startswith("link-"):
        os.unlink("/workspace/" + name)
