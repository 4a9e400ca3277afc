"""Names the checkout, the run directory, other workspaces and tasks of the host: none of them is there, in any spelling."""
import glob

for base in ("", "/proc/self/root", "/oldroot", "/newroot", "/mnt", "/host", "/proc/self/cwd/../../.."):
    for place in (CHECKOUT, CHECKOUT + "/tasks", CHECKOUT + "/.git/HEAD", RUN, RUN + "/episodes", FOLDER, CANARY, os.path.dirname(RUN)):
        if os.path.lexists(base + place):
            escaped(base + place)
found = glob.glob("/*/*/coding-agent-*") + glob.glob("/tmp/coding-agent-*") + glob.glob("/workspace*/../workspace?*")
if found:
    escaped(repr(found))
