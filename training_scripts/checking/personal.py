"""Personal data and keys found by their form. A pattern finds candidates, not people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = ("email", "phone", "card", "iban", "aws_key")

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+\b")
# With a country code, or as North America writes it: bare digits are more often an id.
_PHONE = re.compile(
    r"(?<![\w+])(?:\+[1-9]\d{0,2}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,4}"
    r"|(?:\(\d{3}\) ?|\d{3}[.-])\d{3}[.-]\d{4})(?![\w-])"
)
_CARD = re.compile(r"(?<![\w.-])[2-6]\d{3}(?:[ -]?\d{2,6}){2,4}(?![\w-])")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
# IAM User Guide, "IAM identifiers": AKIA begins an access key's id, ASIA a temporary one's.
_AWS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b")
_CARD_DIGITS = range(13, 20)
_PHONE_DIGITS = range(8, 16)
_HAS_DIGITS = re.compile(r"\d{2}")


def found_in(text: str) -> Iterator[str]:
    """Yield the kind (one of `KINDS`) of each match in `text`."""
    if "@" in text:
        yield from ("email" for _ in _EMAIL.finditer(text))
    if not _HAS_DIGITS.search(text):
        if "AKIA" in text or "ASIA" in text:
            yield from ("aws_key" for _ in _AWS_KEY.finditer(text))
        return
    yield from ("phone" for match in _PHONE.finditer(text) if _is_phone(match[0]))
    yield from ("card" for match in _CARD.finditer(text) if is_card(match[0]))
    yield from ("iban" for match in _IBAN.finditer(text) if is_iban(match[0]))
    yield from ("aws_key" for _ in _AWS_KEY.finditer(text))


def is_card(text: str) -> bool:
    """Return whether the digits have a card's length and check digit (Luhn, ISO/IEC 7812-1)."""
    digits = [int(letter) for letter in reversed(text) if letter.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return len(digits) in _CARD_DIGITS and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """Return whether the check digits hold (ISO 13616: the number modulo 97 is 1)."""
    plain = text.replace(" ", "")
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1


def _is_phone(text: str) -> bool:
    return sum(letter.isdigit() for letter in text) in _PHONE_DIGITS
