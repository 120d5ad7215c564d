"""`requires:`: a spec for another version of fmo is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import SpecError
from orchestrator.spec.findings import Findings
from orchestrator.spec.load import load_spec
from orchestrator.spec.requires import allows, refuse_other_versions

SPEC = "name: x\nsteps: {a: {kind: dataset, data: ./d}}\n"


@pytest.mark.parametrize(
    ("wanted", "version", "fits"),
    [
        (">=0.2", "0.1.0", False),
        (">=0.2", "0.2.0", True),
        (">=0.2", "0.10", True),
        ("0.2", "0.2.0.dev1", True),
        ("0.2", "0.1.9", False),
        (">=0.1, <1", "0.9.3", True),
        (">=0.1,<1", "1.0.0", False),
        ("==0.1.0", "0.1", True),
        (">0.1", "0.1.0", False),
        ("<=0.1", "0.1.0", True),
    ],
)
def test_versions_are_compared_by_their_numbers(wanted: str, version: str, fits: bool) -> None:  # noqa: FBT001
    assert allows(wanted, version) is fits


def test_a_spec_for_a_newer_fmo_has_one_problem_whatever_else_is_new_in_it() -> None:
    text = 'requires: ">=99"\n' + SPEC.replace("kind: dataset", "kind: hologram, beams: 3")
    with pytest.raises(SpecError) as caught:
        load_spec(text, file=Path("spec.yaml"))
    (problem,) = caught.value.problems
    assert str(problem).startswith("spec.yaml:1: requires: this needs fmo >=99, and this is ")
    assert problem.fix == "Run: pip install 'fm-orchestrator>=99'."


def test_a_version_alone_is_the_oldest_that_will_do() -> None:
    findings = Findings(None, {})
    refuse_other_versions({"requires": "0.2"}, findings, "0.2.1")
    with pytest.raises(SpecError, match=r"needs fmo 0\.2, and this is 0\.1\.0\. Run: pip install "
                       r"'fm-orchestrator>=0\.2'\."):  # fmt: skip
        refuse_other_versions({"requires": "0.2"}, findings, "0.1.0")


def test_a_spec_for_this_fmo_is_read() -> None:
    assert load_spec('requires: ">=0.0.1"\n' + SPEC).requires == ">=0.0.1"


@pytest.mark.parametrize("wanted", ["0.2", "soon", '">= new"', "[1]"])
def test_what_is_no_version_is_refused(wanted: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_spec(f"requires: {wanted}\n{SPEC}")
    assert str(caught.value).startswith("requires: expected ")


def test_an_included_file_for_a_newer_fmo_is_told_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text('# new\nrequires: ">=99"\nsteps: {}\n')
    with pytest.raises(SpecError) as caught:
        load_spec("include: ./new.yaml\n" + SPEC, file=tmp_path / "spec.yaml")
    assert str(caught.value).startswith(f"{tmp_path}/new.yaml:2: requires: this needs fmo >=99")
