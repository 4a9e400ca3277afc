"""TensorBoard's event files, as far as scalars need them: protocol buffers in records with checksums.

Written out here because the packages that write them bring a gigabyte, or a second copy of protobuf, into the trainer.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping

_FIXED64, _BYTES, _FIXED32 = 1, 2, 5
_MASK = 0xFFFFFFFF


def opening(wall_time: float) -> bytes:
    """The first record of a file: which version of the format it is."""
    return record(_wall_time(wall_time) + _field(3, b"brain.Event:2"))


def scalars(step: int, values: Mapping[str, float], wall_time: float) -> bytes:
    """One record per scalar. A value is written in 32 bits."""
    when = _wall_time(wall_time) + _key(2, 0) + _varint(step)
    return b"".join(record(when + _field(5, _field(1, _scalar(name, value)))) for name, value in values.items())


def record(data: bytes) -> bytes:
    """Length and data, each followed by its checksum."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", _masked(length)) + data + struct.pack("<I", _masked(data))


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), RFC 3720."""
    crc = _MASK
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ _MASK


def _masked(data: bytes) -> int:
    # So that a checksum of data that holds checksums is not trivial.
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & _MASK


def _scalar(name: str, value: float) -> bytes:
    try:
        packed = struct.pack("<f", value)
    except OverflowError:
        packed = struct.pack("<f", math.copysign(math.inf, value))
    return _field(1, name.encode()) + _key(2, _FIXED32) + packed


def _wall_time(seconds: float) -> bytes:
    return _key(1, _FIXED64) + struct.pack("<d", seconds)


def _field(number: int, data: bytes) -> bytes:
    return _key(number, _BYTES) + _varint(len(data)) + data


def _key(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _row(index: int) -> int:
    for _ in range(8):
        index = index >> 1 ^ (0x82F63B78 if index & 1 else 0)
    return index


_TABLE = tuple(map(_row, range(256)))
