"""Makes device nodes for disk, memory and kernel messages, and opens those that are there: refused."""
import stat

for number, (major, minor) in enumerate(((8, 0), (254, 0), (259, 0), (1, 1), (1, 2), (10, 229))):
    for kind in (stat.S_IFBLK, stat.S_IFCHR):
        refused("node", os.mknod, "/tmp/node%d" % number, kind | 0o666, os.makedev(major, minor))
for path in ("/dev/mem", "/dev/kmem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/fuse", "/dev/kvm", "/dev/nvidia0", "/dev/vsock", "/dev/net/tun"):
    if os.path.exists(path):
        escaped(path)
