# What every Python program of the corpus begins with. `WORLD` names places of the host, as JSON.
import ctypes, errno, os, platform, signal, socket, subprocess, sys, time

LIBC = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
CHECKOUT, RUN, CANARY, FOLDER = WORLD["checkout"], WORLD["run"], WORLD["canary"], WORLD["folder"]


class Escaped(AssertionError):
    pass


def escaped(what):
    raise Escaped("escaped: %s" % what)


def syscall(x86, arm, *arguments):
    """The name of the error, or the result."""
    ctypes.set_errno(0)
    result = LIBC.syscall(ctypes.c_long(x86 if X86 else arm), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    return errno.errorcode[ctypes.get_errno()] if result == -1 else result


def denied(what, x86, arm, *arguments, by=("EPERM", "ENOSYS")):
    """The kernel must refuse the call itself, and not its arguments."""
    found = syscall(x86, arm, *arguments)
    if found not in by:
        escaped("%s: %s" % (what, found))


def refused(what, action, *arguments, by=(OSError, MemoryError, RuntimeError)):
    try:
        found = action(*arguments)
    except by:
        return
    escaped("%s: %r" % (what, found))


def absent(place):
    """Nothing is there; or, as in a container, a directory that is empty and stays so, and a name of the sandbox's own."""
    if not os.path.lexists(place) or (place == "/etc/hostname" and open(place).read().strip() == "sandbox"):
        return
    if place not in ("/run", "/sys") or not os.path.isdir(place) or os.listdir(place):
        escaped(place)
    refused("a file in " + place, open, place + "/x", "w")


def forked(action):
    """What `action` of a child process came to: its exit status, or minus the signal."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = action() or 0
        except OSError:
            status = 2
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
