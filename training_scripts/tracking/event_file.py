"""The bytes of TensorBoard's event files; standard library only.

Not by TensorBoard's own writer: few images have it, a job without network cannot install it, and
a file of scalars needs a dozen lines. An event file is a sequence of records (tensorflow,
`record_writer.cc`), each of which holds one `Event` message (`event.proto`, `summary.proto`).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_POLYNOMIAL = 0x82F63B78
"""Of CRC-32C, reversed."""
_MASK = 0xA282EAD8
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Wire types of protocol buffers."""
_SESSION_START = 1
_DT_STRING = 7


def version_event(time: float) -> bytes:
    """Return the first record of a file."""
    return _record(_event(time, 0) + _text(3, "brain.Event:2"))


def restart_event(time: float, step: int) -> bytes:
    """Return a record that makes a reader drop what earlier files say from `step` on."""
    return _record(_event(time, step) + _bytes(7, _number(1, _SESSION_START)))


def scalars_event(time: float, step: int, values: Mapping[str, float]) -> bytes:
    """Return a record of numbers."""
    summary = b"".join(
        _bytes(1, _text(1, name) + _key(2, _FIXED32) + struct.pack("<f", value))
        for name, value in values.items()
    )
    return _record(_event(time, step) + _bytes(5, summary))


def text_event(time: float, name: str, text: str) -> bytes:
    """Return a record that TensorBoard's tab `Text` shows, as Markdown."""
    metadata = _bytes(1, _text(1, "text"))
    shape = _bytes(2, _number(1, 1))
    tensor = _number(1, _DT_STRING) + _bytes(2, shape) + _text(8, text)
    value = _text(1, f"{name}/text_summary") + _bytes(9, metadata) + _bytes(8, tensor)
    return _record(_event(time, 0) + _bytes(5, _bytes(1, value)))


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + _checksum(length) + data + _checksum(data)


def _event(time: float, step: int) -> bytes:
    return _key(1, _FIXED64) + struct.pack("<d", time) + _number(2, step)


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _bytes(field: int, data: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(data)) + data


def _number(field: int, value: int) -> bytes:
    return _key(field, _VARINT) + _varint(value)


def _key(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _checksum(data: bytes) -> bytes:
    """The masked CRC-32C of `data`."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF)


def _table_entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE = tuple(_table_entry(value) for value in range(256))
