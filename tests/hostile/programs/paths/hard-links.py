"""Makes hard links to what others share (system files, the interpreter, the canary), to change them later: refused."""
for place in ("/usr/bin/env", "/bin/sh", "/etc/passwd", "/opt/bin/rg", sys.executable, os.__file__, CANARY):
    for folder in ("/workspace", "/tmp"):
        refused(place, os.link, place, folder + "/hard")
