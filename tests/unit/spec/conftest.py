from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import SpecError
from orchestrator.spec.load import load_spec

Problems = Callable[..., list[str]]


@pytest.fixture
def problems() -> Problems:
    """Return a function from spec text to the texts of its problems, file and line included."""

    def read(text: str, **overrides: str) -> list[str]:
        named = {path.replace("__", "."): value for path, value in overrides.items()}
        with pytest.raises(SpecError) as caught:
            load_spec(text, file=Path("spec.yaml"), overrides=named)
        return [str(problem) for problem in caught.value.problems]

    return read
