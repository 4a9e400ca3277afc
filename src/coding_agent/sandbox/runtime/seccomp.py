"""A seccomp filter built by hand, for x86-64 and aarch64: system calls that no build or test needs are refused.

EPERM, not death: a program that probes for a feature goes on without it. `clone3` answers ENOSYS, because a filter can
not look into its arguments and every C library then falls back to `clone`, whose flags it can see; so do the makers of
memory that nobody counts, for which there are other ways. Limits are a process's own: `prlimit64` takes 0 for whose they
are, as the C library's `setrlimit` does, and no number, not even one's own, which a filter does not know. The first process
of the namespace has the same user, and without descriptors or time it could not say how the call ended.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

_X86 = (
    101, 310, 311, 250, 248, 249, 323, 321, 298, 165, 166, 155, 161, 308, 272, 246, 320, 175, 313, 176, 167, 168, 169, 163,
    179, 304, 164, 227, 170, 171, 103, 300, 312,
)  # fmt: skip
"""ptrace process_vm_readv process_vm_writev keyctl add_key request_key userfaultfd bpf perf_event_open mount umount2
pivot_root chroot setns unshare kexec_load kexec_file_load init_module finit_module delete_module swapon swapoff reboot
acct quotactl open_by_handle_at settimeofday clock_settime sethostname setdomainname syslog fanotify_init kcmp; on aarch64 the same."""
_ARM = (
    117, 270, 271, 219, 217, 218, 282, 280, 241, 40, 39, 41, 51, 268, 97, 104, 294, 105, 273, 106, 224, 225, 142, 89, 60,
    265, 170, 112, 161, 162, 116, 262, 272,
)  # fmt: skip
_BOTH = (425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442, 443, 447, 467)
"""io_uring_setup, io_uring_enter, io_uring_register, open_tree, move_mount, fsopen, fsconfig, fsmount, fspick,
pidfd_getfd, mount_setattr, quotactl_fd, memfd_secret, open_tree_attr: numbered alike everywhere."""
_CLONE3 = 435
_UNCOUNTED: dict[str, tuple[int, ...]] = {"x86_64": (319, 29, 68, 64), "aarch64": (279, 194, 186, 190)}
"""memfd_create, shmget, msgget, semget: memory that belongs to no process and no file system with a size."""
_ARCHES: dict[str, tuple[int, tuple[int, ...], int, int, int, int]] = {
    "x86_64": (0xC000003E, _X86, 56, 16, 41, 302),
    "aarch64": (0xC00000B7, _ARM, 220, 29, 198, 261),
}
"""machine → audit architecture, denied numbers, clone, ioctl, socket, prlimit64."""
_NAMESPACES = 0x7E020080
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWTIME."""
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_FAMILIES = (1, 2, 10)
"""AF_UNIX, AF_INET, AF_INET6; the network namespace is empty."""

_LD, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NR, _ARCH, _ARG0, _ARG1 = 0, 4, 16, 24


def program(machine: str = "") -> bytes:
    """The filter as an array of `struct sock_filter`. Raises KeyError for an unknown architecture."""
    machine = machine or os.uname().machine
    arch, denied, clone, ioctl, socket, prlimit = _ARCHES[machine]
    deny = _ERRNO | errno.EPERM
    code: list[tuple[int, int, int, int]] = [
        (_LD, 0, 0, _ARCH),
        (_JEQ, 1, 0, arch),
        (_RET, 0, 0, _KILL),
        (_LD, 0, 0, _NR),
        (_JGE, 0, 1, 0x40000000),  # the x32 interface would have numbers of its own
        (_RET, 0, 0, deny),
    ]
    for number in (*denied, *_BOTH):
        code += [(_JEQ, 0, 1, number), (_RET, 0, 0, deny)]
    for number in (_CLONE3, *_UNCOUNTED[machine]):
        code += [(_JEQ, 0, 1, number), (_RET, 0, 0, _ERRNO | errno.ENOSYS)]
    code += [
        (_JEQ, 0, 4, clone), (_LD, 0, 0, _ARG0), (_JSET, 0, 1, _NAMESPACES), (_RET, 0, 0, deny), (_RET, 0, 0, _ALLOW),
        (_JEQ, 0, 5, ioctl), (_LD, 0, 0, _ARG1), (_JEQ, 1, 0, _TIOCSTI), (_JEQ, 0, 1, _TIOCLINUX), (_RET, 0, 0, deny),
        (_RET, 0, 0, _ALLOW),
        # The kernel reads 32 bits of it.
        (_JEQ, 0, 4, prlimit), (_LD, 0, 0, _ARG0), (_JEQ, 1, 0, 0), (_RET, 0, 0, deny), (_RET, 0, 0, _ALLOW),
        (_JEQ, 0, len(_FAMILIES) + 2, socket), (_LD, 0, 0, _ARG0),
    ]  # fmt: skip
    code += [(_JEQ, len(_FAMILIES) - index, 0, family) for index, family in enumerate(_FAMILIES)]
    code += [(_RET, 0, 0, _ERRNO | errno.EAFNOSUPPORT), (_RET, 0, 0, _ALLOW)]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def install(libc: ctypes.CDLL) -> None:
    """Bind this process and all that it starts. Needs no_new_privs. Raises OSError."""
    raw = program()
    buffer = ctypes.create_string_buffer(raw, len(raw))
    head = struct.pack("HxxxxxxQ", len(raw) // 8, ctypes.addressof(buffer))
    if libc.prctl(22, 2, ctypes.c_char_p(head), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp filter refused")
