"""The line under each field of a spec model, read from the source when somebody asks for it.

pydantic's `use_attribute_docstrings` reads it while the models are made, which every command would
wait for, and only the schema, the docs and one error need it.
"""

from __future__ import annotations

import ast
import inspect
from functools import cache
from itertools import pairwise
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel


@cache
def field_lines(model: type[BaseModel]) -> Mapping[str, str]:
    """Return every field of `model` to what is written under it, there or in a model above."""
    lines: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if "__annotations__" in vars(owner) and owner.__module__.startswith("orchestrator."):
            lines.update(_lines_of(owner))
    return {name: lines[name] for name in model.model_fields if name in lines}


def _lines_of(owner: type) -> Mapping[str, str]:
    try:
        source = inspect.getsource(owner)
    except OSError:  # An install may carry no sources; then nothing is said of the fields.
        return {}
    (written,) = ast.parse(dedent(source)).body
    body = written.body if isinstance(written, ast.ClassDef) else []
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }
