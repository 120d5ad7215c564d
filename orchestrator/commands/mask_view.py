"""What `data mask` found: each token of a row, trained or masked, with or without colour."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.text import Text

from orchestrator.results.figures import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console

STYLES = {"trained": "bold green", "masked": "dim", "training": "", "serving": ""}
_LABEL = max(map(len, STYLES)) + 1
_LEAST_WIDTH = 20


def parts(found: dict[str, Any], console: Console) -> Iterator[Text]:
    """Yield the rows one after the other, then what is to be said of all of them."""
    for row in found["rows"]:
        yield from _row(row, found, console)
        yield Text("")
    yield from _summary(found)


def is_well(found: dict[str, Any]) -> bool:
    """Return whether every row has a token to learn, and serving begins as training does."""
    return not any(complaint for row in found["rows"] for complaint in _complaints(row))


def _row(row: dict[str, Any], found: dict[str, Any], console: Console) -> Iterator[Text]:
    if row["error"]:
        yield Text(f"{row['place']}: training refuses this row", style="bold")
        yield Text(row["error"], style="red")
        return
    tokens, trained = row["tokens"], row["trained"]
    share = trained / max(len(tokens), 1)
    yield Text(
        f"{row['place']}: {plural(len(tokens), 'token')}, {trained:,} trained ({share:.0%}), "
        f"{len(tokens) - trained:,} masked",
        style="bold",
    )
    for is_trained, run in groupby(tokens, key=lambda token: bool(token["trained"])):
        yield from _lines("trained" if is_trained else "masked", run, console)
    yield _end(row)
    yield from _length(row, found)
    yield from _serving(row["serving"], console)


def _end(row: dict[str, Any]) -> Text:
    end = row["end_token"]
    said = {
        "trained": "trained",
        "masked": "masked, so the model does not learn to stop",
        "missing": "cut off, so the model does not learn to stop",
    }[end["state"]]
    return Text(f"end token {end['text']}: {said}", "" if end["state"] == "trained" else "yellow")


def _length(row: dict[str, Any], found: dict[str, Any]) -> Iterator[Text]:
    length, most = row["length"], found["max_length"]
    if length <= most:
        return
    if found["truncate"]:
        yield Text(f"cut from {length:,} to {most:,} tokens (max_length)", style="yellow")
        return
    fix = f"Write `max_length: {length}` or `truncate: true`."
    yield Text(f"above max_length {most:,}: training refuses this row. {fix}", style="yellow")


def _serving(serving: dict[str, Any] | None, console: Console) -> Iterator[Text]:
    if serving is None:
        yield Text("serving: the row is plain text and asks nothing")
        return
    if serving["equal"]:
        count = plural(serving["tokens"], "token")
        yield Text(f"serving: the prompt is the same {count}", style="green")
        return
    at = serving["differs_at"]
    yield Text(f"serving: token {at + 1} of the prompt is another one", style="bold red")
    for side in ("training", "serving"):
        named = [{"text": f"{token['text']} ({token['id']})"} for token in serving[side]]
        yield from _lines(side, named or [{"text": "(ends)"}], console)


def _lines(label: str, tokens: Iterable[dict[str, Any]], console: Console) -> Iterator[Text]:
    """The tokens between bars, in lines that fit the console; the label stands before the first."""
    bar = "\u2502" if _has_utf8(console) else "|"
    width = max(console.width - _LABEL - 1, _LEAST_WIDTH)
    for number, line in enumerate(
        _packed([_shown(token["text"], console) for token in tokens], width)
    ):
        head = (label if number == 0 else "").ljust(_LABEL)
        text = Text(head).append(bar, style="dim")
        for piece, ends in line:
            text.append(piece, style=STYLES[label])
            text.append(bar if ends else "", style="dim")
        yield text


def _packed(tokens: Iterable[str], width: int) -> Iterator[list[tuple[str, bool]]]:
    """Pieces of tokens in lines of `width` cells, and whether the token ends with the piece."""
    line: list[tuple[str, bool]] = []
    room = width
    for token in tokens:
        rest = token
        if cell_len(rest) + 1 > room and line:
            yield line
            line, room = [], width
        while cell_len(rest) + 1 > width:
            cut = _fitting(rest, width)
            yield [(rest[:cut], False)]
            rest = rest[cut:]
        line.append((rest, True))
        room -= cell_len(rest) + 1
    if line:
        yield line


def _fitting(text: str, width: int) -> int:
    """How many characters fit into `width` cells; at least one."""
    cells = 0
    for number, character in enumerate(text):
        cells += cell_len(character)
        if cells > width:
            return max(number, 1)
    return len(text)


def _shown(text: str, console: Console) -> str:
    """A token in one line, with escapes for what cannot be shown or could steer a terminal."""
    seen = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
    return seen if _has_utf8(console) else seen.encode("ascii", "backslashreplace").decode()


def _has_utf8(console: Console) -> bool:
    return console.encoding.lower().startswith("utf")


def _summary(found: dict[str, Any]) -> Iterator[Text]:
    rows = found["rows"]
    tokens = sum(len(row["tokens"]) for row in rows)
    trained = sum(row["trained"] for row in rows)
    share = trained / max(tokens, 1)
    yield Text(
        f"{plural(len(rows), 'row')}: {tokens:,} tokens, {trained:,} trained ({share:.0%}); "
        f"prompt_template {found['prompt_template']}, max_length {found['max_length']:,}"
    )
    for row in rows:
        for complaint in _complaints(row):
            yield Text(f"* {row['place']}: {complaint}", style="red")


def _complaints(row: dict[str, Any]) -> Iterator[str]:
    if row["error"]:
        yield "training refuses it"
        return
    if not row["trained"]:
        yield "no token is trained. Give it a completion, or cut less of it."
    if row["serving"] and not row["serving"]["equal"]:
        yield "serving begins with other tokens than training. Serve with the same template."
