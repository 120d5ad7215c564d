"""Reward functions of the user's: which files travel, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.compiler.environment import LOCAL
from orchestrator.compiler.sources import gather_sources
from orchestrator.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

FUNCTION = (
    "from words import known\n\n\ndef exact(completions, **_):\n    return known(completions)\n"
)


def files_of(project: Any, functions: Mapping[str, str]) -> dict[str, bytes]:
    rewards = ", ".join(
        f"{name}: {{function: '{function}'}}" for name, function in functions.items()
    )
    text = f"""
steps:
  t:
    kind: train
    objective: grpo
    model: s3://models/base/
    data: s3://lake/rows/
    rewards: {{{rewards}}}
"""
    (project.scripts / "reinforce.py").write_text("")
    sources = gather_sources(project.plan(text), project.folder, LOCAL, library=project.scripts)
    return dict(sources.code["t"].files)


def write(project: Any, path: str, text: str) -> None:
    file = project.folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def test_a_function_travels_with_what_it_imports(project: Any) -> None:
    write(project, "lib/rewards.py", FUNCTION)
    write(project, "lib/words.py", "def known(texts):\n    return [1.0 for _ in texts]\n")
    files = files_of(project, {"exact": "./lib/rewards.py:exact"})
    assert files["rewards.py"].decode() == FUNCTION
    assert "words.py" in files
    assert "reinforce.py" in files
    assert files["requirements.txt"] == b"trl==1.16.0\n"


@pytest.mark.parametrize(
    ("functions", "said"),
    [
        (
            {"exact": "./lib/none.py:exact"},
            r"steps\.t\.rewards\.exact\.function: there is no file '.*none\.py'",
        ),
        (
            {"exact": "./lib/rewards.py:exakt"},
            r"the file defines no function 'exakt'\. Did you mean 'exact'\?",
        ),
        ({"a": "./lib/launch.py:exact"}, r"the name 'launch\.py' is taken"),
        ({"a": "./lib/reinforce.py:exact"}, r"'reinforce\.py' beside the function is the name of"),
        (
            {"a": "./lib/rewards.py:exact", "b": "./other/rewards.py:exact"},
            r"steps\.t\.rewards\.b\.function: 'rewards\.py' beside the function is the name of "
            r"another file of the job\. Rename it\.",
        ),
    ],
)
def test_a_function_that_cannot_travel_is_refused(
    project: Any, functions: dict[str, str], said: str
) -> None:
    for path in ("lib/rewards.py", "lib/launch.py", "lib/reinforce.py"):
        write(project, path, "def exact(completions, **_):\n    return completions\n")
    write(project, "other/rewards.py", "def exact(completions, **_):\n    return []\n")
    with pytest.raises(SpecError, match=said):
        files_of(project, functions)
