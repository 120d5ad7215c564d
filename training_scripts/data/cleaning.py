"""Text made even: one form of Unicode, one end of line, no control characters."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training_scripts.data.formats import Sample

# All controls but tab and line feed; zero-width space, byte-order mark, soft hyphen.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\ufeff\u00ad]")
# Half of a pair: JSON cut out of the middle of an emoji has it, and UTF-8 cannot hold it.
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Return `text` in NFC, with line feeds, no unseen characters, no blank ends.

    Indentation of the first line stays: it matters in code.
    """
    if not text:
        return text
    text = _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if not text.isascii():
        text = unicodedata.normalize("NFC", _LONE_SURROGATE.sub("\ufffd", text))
    return text.strip("\n").rstrip()


def clean(sample: Sample) -> Sample:
    """Return the sample with all its texts cleaned."""
    return replace(
        sample,
        id=clean_text(sample.id),
        task=None if sample.task is None else clean_text(sample.task),
        extra={
            name: clean_text(value) if isinstance(value, str) else value
            for name, value in sample.extra.items()
        },
        text=clean_text(sample.text),
        instruction=clean_text(sample.instruction),
        input=clean_text(sample.input),
        output=clean_text(sample.output),
        system=clean_text(sample.system),
        messages=tuple(
            replace(message, content=clean_text(message.content)) for message in sample.messages
        ),
        rejected=None if sample.rejected is None else clean(sample.rejected),
    )


def is_empty(sample: Sample) -> bool:
    """Return whether there is nothing to learn in it: no text, no answer."""
    if sample.rejected is not None and is_empty(sample.rejected):
        return True
    if sample.messages:
        learned = sample.messages[sample.prompt_turns :]
        return not any(m.content for m in learned if m.role == "assistant")
    return not (sample.text or sample.output)


def is_tie(sample: Sample) -> bool:
    """Return whether both answers of a preference are the same."""
    return sample.rejected is not None and sample.answers() == sample.rejected.answers()
