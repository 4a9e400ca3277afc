"""Becomes root or anybody else by setuid, setgroups and their variants: every one is refused."""
for action, arguments in ((os.setuid, (0,)), (os.setgid, (0,)), (os.setgroups, ([0],)), (os.setresuid, (0, 0, 0)), (os.setreuid, (1, 1))):
    refused(action.__name__, action, *arguments)
refused("chown", os.chown, "/tmp", 0, 0)
