"""The pages that lead to others, the glossary and the page for assistants leave nothing out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from orchestrator.cli import fmo
from orchestrator.commands.terminal import Failure
from orchestrator.definition.step_types import STEP_TYPES
from orchestrator.errors import Problem
from orchestrator.plan.measured import EXAM_COUNTS, EXAM_METRICS
from orchestrator.spec.pipeline import StepSpec

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GLOSSARY = DOCS / "glossary.md"
AGENTS = ROOT / "AGENTS.md"
INDEX = DOCS / "llms.txt"
WORDS_OF_AWS = {
    "ARN", "IAM", "KMS", "S3", "VPC", "bucket", "image", "instance", "model package",
    "property file", "region", "role", "spot", "subnet",
}  # fmt: skip
WORDS_OF_FMO = {
    "cache", "channel", "checkpoint", "execution", "expression", "gate", "job", "parameter",
    "reference", "step", "store",
}  # fmt: skip
STAGES = {"spec", "plan", "compile", "definition", "local", "aws", "bridge", "results"}


def pages() -> list[str]:
    """Return the paths of the pages below docs, relative to it."""
    return sorted(
        path.relative_to(DOCS).as_posix()
        for path in DOCS.rglob("*.md")
        if "example" not in path.relative_to(DOCS).parts
    )


def links(path: Path) -> dict[str, str]:
    """Return target to text of the relative links of a page, without anchors."""
    found = re.findall(r"\[([^\[\]]+)\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))
    return {target.partition("#")[0]: text for text, target in found if "://" not in target}


def heading(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


def tables(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Return the rows of each two-column table by the heading that it stands under."""
    found: dict[str, list[tuple[str, str]]] = {}
    title = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            title = line.lstrip("# ")
        row = re.fullmatch(r"\| (.+?) \| (.+) \|", line)
        if row and row[1] != "word":
            found.setdefault(title, []).append((row[1].strip("`"), row[2]))
    return found


def test_every_page_has_one_line_in_the_index_under_its_own_heading() -> None:
    listed = links(INDEX)
    assert [page for page in pages() if page not in listed] == []
    assert {target: heading(DOCS / target) for target in listed} == listed
    lines = [line for line in INDEX.read_text(encoding="utf-8").splitlines() if "](" in line]
    assert len(lines) == len(listed)
    assert [line for line in lines if not re.fullmatch(r"- \[.+\]\(\S+\): \S.*[^.]", line)] == []


def test_a_person_finds_every_page_from_the_first_one() -> None:
    reached = set(links(DOCS / "README.md")) | {"README.md"}
    reached |= {f"adr/{target}" for target in links(DOCS / "adr" / "README.md")}
    assert [page for page in pages() if page not in reached] == []


def test_every_link_to_a_part_of_a_page_leads_to_a_heading() -> None:
    lost = []
    for page in [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]:
        text = page.read_text(encoding="utf-8")
        for target, anchor in re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", text):
            there = (page.parent / target) if target else page
            titles = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
            if anchor not in slugs:
                lost.append(f"{page.relative_to(ROOT)}: {target}#{anchor}")
    assert lost == []


def kinds() -> set[str]:
    union = get_args(StepSpec)[0]
    return {get_args(model.model_fields["kind"].annotation)[0] for model in get_args(union)}


@pytest.mark.parametrize(
    ("title", "words"),
    [("Kinds of steps", kinds()), ("Step types", set(STEP_TYPES)), ("Stages", STAGES)],
)
def test_the_glossary_has_exactly_the_words_that_fmo_has(title: str, words: set[str]) -> None:
    assert {word for word, _ in tables(GLOSSARY)[title]} == words


def test_the_glossary_has_the_words_that_people_meet() -> None:
    words = {word for rows in tables(GLOSSARY).values() for word, _ in rows}
    assert (WORDS_OF_AWS | WORDS_OF_FMO) - words == set()


def test_the_stages_of_the_glossary_are_those_of_the_architecture() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| (\w+) \| `orchestrator/", text, re.MULTILINE)) == STAGES


@pytest.mark.parametrize("title", sorted(tables(GLOSSARY)))
def test_a_word_is_explained_once_in_one_or_two_sentences(title: str) -> None:
    rows = tables(GLOSSARY)[title]
    words = [word for word, _ in rows]
    assert len(words) == len(set(words))
    long = [word for word, text in rows if not 1 <= len(re.findall(r"\.(?: |$)", text)) <= 2]
    assert long == []


def test_the_commands_that_assistants_are_told_exist_and_take_the_options() -> None:
    told = re.findall(r"`fmo (\w+)([^`]*)`", AGENTS.read_text(encoding="utf-8"))
    assert told
    for name, rest in told:
        known = {option for parameter in fmo.commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, name


def test_the_targets_and_files_that_assistants_are_told_exist() -> None:
    text = AGENTS.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)", text)) <= targets
    paths = re.findall(r"\b((?:tests|orchestrator)/[\w/]+\.py)", text)
    assert paths
    assert [path for path in paths if not (ROOT / path).is_file()] == []


def test_the_document_of_an_error_has_the_members_that_assistants_are_told() -> None:
    document = Failure("FMO110", 2, (Problem("a", "b"),)).to_json()
    error = document["error"]
    assert isinstance(error, dict)
    members = [*error, *vars(Problem("a", "b"))]
    text = AGENTS.read_text(encoding="utf-8")
    shape = re.search(r'`(\{"error".*?\})`', text, re.DOTALL)
    assert shape is not None
    assert re.findall(r'"(\w+)"', shape[1]) == ["error", *members]


def test_the_metrics_that_the_plan_knows_are_those_on_the_page_of_evaluate() -> None:
    text = (DOCS / "steps" / "evaluate.md").read_text(encoding="utf-8")
    table = text[text.index("| metric | of |") :].partition("\n\n")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == EXAM_METRICS
    names = (DOCS / "evaluation.md").read_text(encoding="utf-8")
    assert [name for name in EXAM_COUNTS if f"`{name}`" not in names] == []
