"""Which files an import closure holds."""

from __future__ import annotations

import pytest

from orchestrator.compiler.imports import import_closure


def closure(*entries: str, **files: str) -> set[str]:
    named = {name.replace("__", "/") + ".py": text.encode() for name, text in files.items()}
    return set(import_closure(entries, named.get))


def test_modules_are_followed_through_modules() -> None:
    assert closure("a.py", a="import b", b="import c", c="", d="") == {"a.py", "b.py", "c.py"}


def test_imports_inside_functions_count() -> None:
    assert "b.py" in closure("a.py", a="def f():\n    import b", b="")


def test_imports_for_type_checkers_alone_do_not_count() -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import b\nelse:\n    import c"
    assert closure("a.py", a=text, b="", c="") == {"a.py", "c.py"}
    text = "import typing\nif typing.TYPE_CHECKING:\n    import b"
    assert closure("a.py", a=text, b="") == {"a.py"}


def test_a_module_of_a_package_brings_every_package_above_it() -> None:
    found = import_closure(
        ["a.py"],
        {
            "a.py": b"import p.q.r",
            "p/__init__.py": b"import side",
            "p/q/__init__.py": b"",
            "p/q/r.py": b"",
            "side.py": b"",
        }.get,
    )
    assert set(found) == {"a.py", "p/__init__.py", "p/q/__init__.py", "p/q/r.py", "side.py"}


def test_an_imported_name_may_be_a_module() -> None:
    found = import_closure(
        ["a.py"], {"a.py": b"from p import m, f", "p/__init__.py": b"", "p/m.py": b""}.get
    )
    assert set(found) == {"a.py", "p/__init__.py", "p/m.py"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from . import n", "p/n.py"),
        ("from .n import x", "p/n.py"),
        ("from ..q import n", "q/n.py"),
        ("from .. import top", "top.py"),
    ],
)
def test_relative_imports_are_seen_from_the_module_that_writes_them(text: str, found: str) -> None:
    files = {"a.py": b"import p.m", "p/m.py": text.encode(), found: b""}
    assert found in import_closure(["a.py"], files.get)


def test_modules_that_import_each_other_end() -> None:
    assert closure("a.py", a="import b", b="import a") == {"a.py", "b.py"}


@pytest.mark.parametrize("content", [b"def f(:\n", b"x = '\0'\n", b"# coding: utf-8\nx = '\xff'\n"])
def test_what_is_not_python_says_in_which_file(content: bytes) -> None:
    with pytest.raises(SyntaxError) as caught:
        import_closure(["a.py"], {"a.py": b"import b", "b.py": content}.get)
    assert caught.value.filename == "b.py"


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    pass\nexcept OSError:\n    import b",
        "try:\n    pass\nfinally:\n    import b",
        "match 1:\n    case 1:\n        import b",
        "with open('x'):\n    import b",
        "for x in y:\n    pass\nelse:\n    import b",
        "class A:\n    def f(self):\n        while True:\n            import b",
        "async def f():\n    async with x:\n        import b",
    ],
)
def test_imports_count_wherever_a_statement_may_stand(text: str) -> None:
    assert "b.py" in closure("a.py", a=text, b="")
