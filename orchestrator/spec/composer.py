"""Parser events to plain data: lines kept, duplicate keys, unknown tags and bombs refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from orchestrator.spec.findings import Findings, join_path
from orchestrator.spec.scalars import Value, resolve_scalar

if TYPE_CHECKING:
    from ruamel.yaml.events import Event

_Tagged = MappingStartEvent | SequenceStartEvent | ScalarEvent
Tree = Value | list["Tree"] | dict[str, "Tree"]

MAX_NODES = 250_000
"""Values in one spec, aliases counted as often as they are used."""
MAX_DEPTH = 50
SURROGATE = re.compile("[\ud800-\udfff]")
MERGE = "<<"
CORE = "tag:yaml.org,2002:"
CORE_TYPES: dict[str, type | None] = {
    f"{CORE}null": type(None),
    f"{CORE}bool": bool,
    f"{CORE}int": int,
    f"{CORE}float": float,
}


@dataclass
class _Open:
    """A mapping or list whose end has not come yet."""

    value: dict[str, Tree] | list[Tree]
    path: str
    nodes_before: int
    anchor: str | None
    key: str | None = None
    """The key whose value comes next."""
    key_lines: dict[str, int] = field(default_factory=dict)
    merged: list[Tree] = field(default_factory=list)


@dataclass
class Composer:
    """Takes the events of one document, one after the other."""

    findings: Findings
    root: Tree = None
    found_something: bool = False
    nodes: int = 0
    documents: int = 0
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Tree, int]] = field(default_factory=dict)
    """Each anchor to its value and the number of values in it."""

    def add(self, event: Event) -> None:
        """Take the next event.

        Raises:
            SpecError: If the document is too large or too deep to go on.
        """
        match event:
            case MappingStartEvent():
                self._open({}, event)
            case SequenceStartEvent():
                self._open([], event)
            case MappingEndEvent() | SequenceEndEvent():
                self._close()
            case ScalarEvent():
                self._scalar(event)
            case AliasEvent():
                self._alias(event)
            case DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    line = event.start_mark.line + 1
                    self._stop(line, "the file holds several documents", "Keep one; remove `---`.")
            case _:
                pass

    def _open(
        self, value: dict[str, Tree] | list[Tree], event: MappingStartEvent | SequenceStartEvent
    ) -> None:
        line = event.start_mark.line + 1
        self._check_tag(event, line, ("map", "seq"))
        if len(self.stack) >= MAX_DEPTH:
            self._stop(line, f"this is nested more than {MAX_DEPTH} deep", "Write a flat spec.")
        if self._awaits_key():
            self._stop(line, "a mapping or list stands where a key belongs", "Write `key: value`.")
        path = self._path_of_next(line)
        self._count(1, line)
        self.stack.append(_Open(value, path, self.nodes - 1, event.anchor))

    def _close(self) -> None:
        done = self.stack.pop()
        if isinstance(done.value, dict):
            _merge(done.value, done.merged)
        if done.anchor:
            self.anchors[done.anchor] = (done.value, self.nodes - done.nodes_before)
        self._put(done.value)

    def _scalar(self, event: ScalarEvent) -> None:
        line = event.start_mark.line + 1
        self._count(1, line)
        if self._awaits_key():
            self._key(event, line)
            return
        self._path_of_next(line)
        value = self._scalar_value(event, line)
        if event.anchor:
            self.anchors[event.anchor] = (value, 1)
        self._put(value)

    def _key(self, event: ScalarEvent, line: int) -> None:
        """Take a key; it is text whatever it looks like, as in JSON."""
        top, key = self.stack[-1], self._text(event, line)
        if event.anchor:
            self.anchors[event.anchor] = (key, 1)
        if key in top.key_lines:
            self.findings.refuse(
                join_path(top.path, key),
                f"the key is written twice, on line {top.key_lines[key]} and on line {line}",
                "Keep one of the two.",
            )
        top.key_lines.setdefault(key, line)
        top.key = key

    def _alias(self, event: AliasEvent) -> None:
        line = event.start_mark.line + 1
        if event.anchor not in self.anchors:
            fix = "Define it above with `&NAME`, or put quotes around text that starts with '*'."
            self._stop(line, f"there is no anchor '&{event.anchor}' for this alias", fix)
        value, nodes = self.anchors[event.anchor]
        self._count(nodes, line)
        if self._awaits_key():
            self._stop(line, "an alias stands where a key belongs", "Write the key.")
        self._path_of_next(line)
        self._put(value)

    def _scalar_value(self, event: ScalarEvent, line: int) -> Value:
        tag, text = str(event.tag) if event.tag else None, self._text(event, line)
        if tag in {f"{CORE}str", "!"}:
            return text
        value = resolve_scalar(text) if tag or event.style in {None, ""} else text
        if tag not in CORE_TYPES:
            self._check_tag(event, line, ())
        elif not isinstance(value, CORE_TYPES[tag] or object):
            self._refuse_next(line, f"{text!r} is no {tag.removeprefix(CORE)}", "Remove the tag.")
        return value

    def _text(self, event: ScalarEvent, line: int) -> str:
        text = str(event.value)
        if not SURROGATE.search(text):
            return text
        try:
            # JSON writes one character as two escapes: "\\ud83d\\ude00".
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._refuse_next(line, f"{text!r} holds half a character", "Remove the escape.")
            return SURROGATE.sub("?", text)

    def _check_tag(self, event: _Tagged, line: int, allowed: tuple[str, ...]) -> None:
        tag = str(event.tag) if event.tag else None
        if tag and tag not in {f"{CORE}{name}" for name in allowed}:
            shown = tag.replace(CORE, "!!")
            self._refuse_next(line, f"the tag {shown!r} is not allowed", "Write a plain value.")

    def _refuse_next(self, line: int, what: str, fix: str) -> None:
        self.findings.refuse(self._path_of_next(line), what, fix)

    def _put(self, value: Tree) -> None:
        if not self.stack:
            self.root = value
            self.found_something = value is not None
            return
        top = self.stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
        elif top.key == MERGE:
            top.merged.extend(value if isinstance(value, list) else [value])
            top.key = None
        elif top.key is not None:
            top.value[top.key] = value
            top.key = None

    def _awaits_key(self) -> bool:
        return (
            bool(self.stack)
            and isinstance(self.stack[-1].value, dict)
            and self.stack[-1].key is None
        )

    def _path_of_next(self, line: int) -> str:
        if not self.stack:
            return ""
        top = self.stack[-1]
        if isinstance(top.value, list):
            path = join_path(top.path, len(top.value))
        elif top.key is None:
            return top.path
        else:
            path = join_path(top.path, top.key)
            line = top.key_lines.get(top.key, line)
        self.findings.lines.setdefault(path, line)
        return path

    def _count(self, nodes: int, line: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            what = f"the aliases and values up to here make more than {MAX_NODES:,} values"
            self._stop(line, what, "Write less, or use fewer aliases.")

    def _stop(self, line: int, what: str, fix: str) -> None:
        self.findings.lines.setdefault("", line)
        self.findings.refuse("", what, fix)
        self.findings.raise_problems()


def _merge(value: dict[str, Tree], merged: list[Tree]) -> None:
    for source in merged:
        if isinstance(source, dict):
            for key, inherited in source.items():
                value.setdefault(key, inherited)
