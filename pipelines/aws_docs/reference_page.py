"""One operation as a page of an API reference: what the model reads in pre-training."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service_models import Member, Operation

TEXT_CHARACTERS = 600
"""Of an operation's own documentation; a few operations carry whole guides."""
MEMBERS_SHOWN = 12
"""Of the request and of the response: the first ones, as the API reference orders them."""
SUMMARY_CHARACTERS = 100
ERRORS_SHOWN = 8


def reference_page(operation: Operation) -> str:
    """Return the page: description, request, response and errors."""
    method = f", HTTP method {operation.method}" if operation.method else ""
    title = f"{operation.service}: `{operation.service_id}.{operation.name}`{method}"
    lines = [title, shortened(operation.text)]
    lines += section("Sent to", operation, operation.request)
    lines += section("Returned by", operation, operation.response)
    if operation.errors:
        errors = ", ".join(f"`{error}`" for error in operation.errors[:ERRORS_SHOWN])
        lines.append(f"`{operation.name}` can raise {errors}.")
    return "\n".join(line for line in lines if line)


def section(title: str, operation: Operation, members: tuple[Member, ...]) -> Iterator[str]:
    """Yield the lines about `members`; none if there are none."""
    if members:
        yield f"{title} `{operation.name}`:"
    for member in members[:MEMBERS_SHOWN]:
        required = ", required" if member.required else ""
        summary = member.summary if len(member.summary) <= SUMMARY_CHARACTERS else ""
        yield f"`{member.name}` ({member.type}{required}) {summary}".rstrip()


def shortened(text: str) -> str:
    """Return whole lines of `text` up to the allowed length, at least a part of the first."""
    kept = text[:TEXT_CHARACTERS]
    return kept if len(text) <= TEXT_CHARACTERS else kept.rpartition(". ")[0] + "."
