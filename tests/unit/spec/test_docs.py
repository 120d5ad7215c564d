"""The pages of the step kinds: their examples work, and their tables are those of the models."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.plan.build import build_plan
from orchestrator.spec.load import load_spec_with_lines
from orchestrator.spec.models import step_models
from orchestrator.spec.tables import main, update_page

DOCS = Path(__file__).parents[3] / "docs"
PAGES = [DOCS / "steps" / f"{kind}.md" for kind in step_models()]
FENCE = re.compile(r"```yaml\n(name:.*?)```", re.DOTALL)


@pytest.mark.parametrize(
    "page", [*PAGES, DOCS / "spec.md", DOCS / "tracking.md"], ids=lambda page: page.stem
)
def test_the_example_can_be_planned_without_a_warning(page: Path) -> None:
    examples = FENCE.findall(page.read_text(encoding="utf-8"))
    assert examples
    for example in examples:
        loaded = load_spec_with_lines(example)
        _, warnings = build_plan(loaded.spec, lines=loaded.lines)
        assert warnings == ()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_example_shows_the_kind(page: Path) -> None:
    example = FENCE.findall(page.read_text(encoding="utf-8"))[0]
    kinds = {step.kind for step in load_spec_with_lines(example).spec.steps.values()}
    assert page.stem in kinds


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_tables_are_those_of_the_model(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == update_page(text, page.stem), "run python -m orchestrator.spec.tables"


def test_a_page_is_brought_up_to_date(tmp_path: Path) -> None:
    page = tmp_path / "gate.md"
    page.write_text("# gate\n<!-- fields -->\nstale\n<!-- /fields -->\nend\n", encoding="utf-8")
    main([str(page)])
    text = page.read_text(encoding="utf-8")
    assert "stale" not in text
    assert "| `conditions` |" in text
    assert text.endswith("<!-- /fields -->\nend\n")


def test_the_python_of_the_page_works(capsys: pytest.CaptureFixture[str]) -> None:
    text = (DOCS / "spec.md").read_text(encoding="utf-8")
    source = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    exec(compile(source, "spec.md", "exec"), {})  # noqa: S102
    printed = capsys.readouterr().out
    assert load_spec_with_lines(printed).spec.name == "support"
