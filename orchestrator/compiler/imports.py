"""Which modules a script imports: read from its text, never by running it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Read: TypeAlias = Callable[[str], bytes | None]
"""Gives the bytes at a path below the asset's root, or None if there is no such file."""

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def import_closure(entries: Iterable[str], read: Read) -> dict[str, bytes]:
    """Return `entries` and every file that they import, directly or not, by path.

    A module that `read` does not know is the standard library's or an installed package's.
    Imports inside functions count; those under `if TYPE_CHECKING:` never run and do not.

    Raises:
        SyntaxError: If a file is not Python; `filename` is its path.
    """
    found: dict[str, bytes] = {}
    waiting = list(entries)
    while waiting:
        path = waiting.pop()
        content = None if path in found else read(path)
        if content is not None:
            found[path] = content
            waiting.extend(_imported_paths(path, content))
    return found


@lru_cache(maxsize=1024)  # Every step's code holds the same few library modules.
def _imported_paths(path: str, content: bytes) -> tuple[str, ...]:
    try:
        tree = ast.parse(content, filename=path)
    except (SyntaxError, ValueError) as error:
        # A null byte raises ValueError, or SyntaxError without a file, by version of Python.
        line = getattr(error, "lineno", None) or 1
        raise SyntaxError(getattr(error, "msg", str(error)), (path, line, 0, "")) from error
    package = tuple(path.split("/")[:-1])
    modules = {
        module: None for node in _statements_that_run(tree) for module in _modules(node, package)
    }
    return tuple(found for module in modules for found in _files_of(module))


def _statements_that_run(tree: ast.Module) -> Iterator[ast.AST]:
    # Only statements can import, so expressions, nine nodes in ten, are never entered.
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        is_type_checking = isinstance(node, ast.If) and _is_type_checking(node.test)
        for block in ("orelse",) if is_type_checking else _BLOCKS:
            waiting.extend(getattr(node, block, ()))


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"


def _modules(node: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield tuple(alias.name.split("."))
    elif isinstance(node, ast.ImportFrom):
        base = package[: len(package) - node.level + 1] if node.level else ()
        module = (*base, *(node.module.split(".") if node.module else ()))
        yield module
        for alias in node.names:  # The name may be a module of the package.
            yield (*module, alias.name)


def _files_of(module: tuple[str, ...]) -> Iterator[str]:
    for length in range(1, len(module) + 1):
        yield "/".join((*module[:length], "__init__.py"))
    if module:
        yield "/".join(module) + ".py"
