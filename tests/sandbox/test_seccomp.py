"""The filter, run by a small interpreter of BPF: also for the processor that this machine does not have."""

from __future__ import annotations

import errno
import struct

import pytest

from coding_agent.sandbox.runtime import seccomp

ALLOWED = "allowed"


def verdict(machine: str, number: int, *arguments: int, arch: int = 0) -> str:
    """What the filter says of one system call."""
    audit = arch or {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine]
    call = struct.pack("<IIQ6Q", number, audit, 0, *arguments, *[0] * (6 - len(arguments)))
    steps = list(struct.iter_unpack("<HBBI", seccomp.program(machine)))
    at, word = 0, 0
    while True:
        code, if_true, if_false, value = steps[at]
        at += 1
        if code == 0x20:
            (word,) = struct.unpack_from("<I", call, value)
        elif code == 0x06:
            break
        else:
            holds = {0x15: word == value, 0x35: word >= value, 0x45: bool(word & value)}[code]
            at += if_true if holds else if_false
    if value >> 16 == 0x0005:
        return errno.errorcode[value & 0xFFFF]
    return {0x7FFF0000: ALLOWED, 0x80000000: "killed"}[value]


NUMBERS = {"x86_64": {"clone": 56, "ioctl": 16, "socket": 41, "unshare": 272, "mount": 165, "read": 0, "memfd_create": 319, "shmget": 29, "prlimit64": 302},
           "aarch64": {"clone": 220, "ioctl": 29, "socket": 198, "unshare": 97, "mount": 40, "read": 63, "memfd_create": 279, "shmget": 194, "prlimit64": 261}}  # fmt: skip


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_calls_are_judged_by_number_and_argument(machine: str) -> None:
    number = NUMBERS[machine]
    assert verdict(machine, number["read"]) == ALLOWED
    assert verdict(machine, number["unshare"]) == verdict(machine, number["mount"]) == "EPERM"
    assert verdict(machine, number["clone"], 0x11) == ALLOWED
    assert verdict(machine, number["clone"], 0x10000011) == "EPERM"
    assert {verdict(machine, each) for each in (435, number["memfd_create"], number["shmget"])} == {"ENOSYS"}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_terminals_can_not_be_typed_into_whatever_the_high_bits(machine: str) -> None:
    ioctl = NUMBERS[machine]["ioctl"]
    assert verdict(machine, ioctl, 0, 0x5401) == ALLOWED
    assert {verdict(machine, ioctl, 0, order | high << 32) for order in (0x5412, 0x541C) for high in (0, 1)} == {
        "EPERM"
    }


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_sockets_are_local_or_ip(machine: str) -> None:
    found = {family: verdict(machine, NUMBERS[machine]["socket"], family) for family in range(50)}
    assert {family for family, said in found.items() if said == ALLOWED} == {1, 2, 10}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_limits_are_a_process_s_own_whatever_the_high_bits(machine: str) -> None:
    prlimit = NUMBERS[machine]["prlimit64"]
    assert {verdict(machine, prlimit, high << 32, 7) for high in (0, 1)} == {ALLOWED}
    assert {verdict(machine, prlimit, pid | high << 32, 7) for pid in (1, 2, 0xFFFFFFFF) for high in (0, 1)} == {
        "EPERM"
    }


def test_other_architectures_and_x32_are_no_way_around() -> None:
    assert verdict("x86_64", 26, arch=0x40000003) == "killed"
    assert verdict("x86_64", 0x40000000 + 101) == "EPERM"
