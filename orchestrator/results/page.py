"""One HTML page that opens from disk, no script, no network: its frame, and its small pieces."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Section:
    """A part of a page with a heading of its own; one with an empty body is left out."""

    anchor: str
    title: str
    body: str
    lead: str = ""
    """One sentence under the heading."""


@dataclass(frozen=True)
class Column:
    """A heading of a table; `kind` is its class: `n` for figures."""

    heading: str
    kind: str = ""


def render_page(title: str, top: str, sections: Iterable[Section], footer: str) -> str:
    """Return the page.

    Args:
        title: Plain text.
        top: HTML above the links to the sections.
        sections: In order.
        footer: HTML.
    """
    shown = [section for section in sections if section.body]
    style = resources.files("orchestrator.results").joinpath("report.css").read_text("utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'<header class="top">\n{top}\n{_links(shown)}</header>\n'
        f"<main>\n{''.join(map(_section, shown))}</main>\n"
        f"<footer>{footer}</footer>\n</body>\n</html>\n"
    )


def pill(word: str, kind: str = "") -> str:
    """Return a word as a coloured label."""
    return f'<span class="pill {escape(kind or word)}">{escape(word)}</span>'


def card(body: str, *, title: str = "", kind: str = "") -> str:
    """Return `body` (HTML) in a frame, under a heading."""
    if not body:
        return ""
    heading = f"<h3>{escape(title)}</h3>" if title else ""
    classes = f"card {kind}".strip()
    return f'<div class="{classes}">{heading}{body}</div>\n'


def folded(summary: str, body: str) -> str:
    """Return `body` behind a line that opens it; both are HTML."""
    return f"<details><summary>{summary}</summary>{body}</details>\n" if body else ""


def table(
    caption: str, columns: Sequence[Column], rows: Iterable[Sequence[str]], *, kind: str = ""
) -> str:
    """Return a table of HTML cells that scrolls in a box of its own; empty without rows.

    The first cell of a row is its heading. The caption is for those who cannot see the table.
    """
    body = "".join(_row(columns, row) for row in rows)
    if not body:
        return ""
    head = "".join(
        f'<th scope="col"{_class(one.kind)}>{escape(one.heading)}</th>' for one in columns
    )
    return (
        f'{scrolling(caption)}<table{_class(kind)}><caption class="unseen">{escape(caption)}'
        f"</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def scrolling(label: str, kind: str = "scroll") -> str:
    """Return the opening tag of a box that scrolls sideways, also by keyboard."""
    return f'<div class="{kind}" role="region" tabindex="0" aria-label="{escape(label)}">'


def figures(shown: Iterable[tuple[str, str, str]]) -> str:
    """Return big numbers: of each what it is, the number, and a few words below."""
    cells = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}"
        f"{f'<small>{escape(note)}</small>' if note else ''}</dd></div>"
        for name, value, note in shown
    )
    return f'<dl class="figures">{cells}</dl>' if cells else ""


def facts(found: Mapping[str, str]) -> str:
    """Return names and values (plain text) as a list."""
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd><code>{escape(value)}</code></dd>"
        for name, value in found.items()
    )
    return f'<dl class="facts">{rows}</dl>' if rows else ""


def legend(names: Iterable[tuple[str, str]]) -> str:
    """Return what colours mean: of each its class in the style sheet and its words."""
    words = "".join(f'<span class="{kind}">{escape(name)}</span>' for kind, name in names)
    return f'<div class="legend">{words}</div>' if words else ""


def _links(sections: Sequence[Section]) -> str:
    links = "".join(f'<a href="#{one.anchor}">{escape(one.title)}</a>' for one in sections)
    return f'<nav aria-label="Sections">{links}</nav>\n' if links else ""


def _section(section: Section) -> str:
    lead = f'<p class="lead">{escape(section.lead)}</p>\n' if section.lead else ""
    return (
        f'<section id="{section.anchor}">\n<h2>{escape(section.title)}</h2>\n{lead}'
        f"{section.body}\n</section>\n"
    )


def _row(columns: Sequence[Column], row: Sequence[str]) -> str:
    first, *others = row
    cells = "".join(
        f"<td{_class(column.kind)}>{cell}</td>"
        for column, cell in zip(columns[1:], others, strict=True)
    )
    return f'<tr><th scope="row">{first}</th>{cells}</tr>'


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
