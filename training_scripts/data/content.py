"""What makes two rows the same row."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training_scripts.data.formats import Sample


def content_key(sample: Sample) -> int:
    """Return a 64-bit hash of what the sample says; equal samples have equal keys.

    Id, task and other columns do not count: a row given twice under two ids is one row.
    """
    parts = [sample.text, sample.instruction, sample.input, sample.output]
    parts += [part for message in sample.messages for part in (message.role, message.content)]
    if sample.rejected is not None:
        parts += sample.rejected.answers()
    joined = "\x00".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "big")
