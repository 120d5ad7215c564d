"""Write tests/golden/expected anew; review the difference like code.

    python tests/golden/update.py

Each spec of `specs/` is compiled for the laptop and for a strict production environment, against
the stand-in scripts of `library/`, so that an edit of a real script changes nothing here.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.compiler.compile import compile_plan
from orchestrator.compiler.environment import LOCAL, Environment
from orchestrator.compiler.lock import pinned
from orchestrator.compiler.sources import gather_sources
from orchestrator.plan.build import build_plan
from orchestrator.spec.findings import Findings
from orchestrator.spec.load import load_spec
from orchestrator.specs import find_lock

if TYPE_CHECKING:
    from orchestrator.compiler.compile import Compiled

HERE = Path(__file__).parent
PROD = Environment(
    name="prod",
    bucket="acme-models",
    role_arn="arn:aws:iam::123456789012:role/training",
    region="eu-central-1",
    kms_key_id="arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000",
    subnets=("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
    security_group_ids=("sg-0123456789abcdef0",),
    tags={"team": "nlp", "cost-center": "42"},
    network_isolation=True,
    callback_queue_url="https://sqs.eu-central-1.amazonaws.com/123456789012/fmo-callbacks",
)
ENVIRONMENTS = (LOCAL, PROD)
REACHING_AWS = {"champion": (LOCAL, replace(PROD, network_isolation=False))}
"""Specs with a job that asks the model registry, which network isolation forbids."""


def cases() -> list[tuple[Path, Environment]]:
    """Return every spec with every environment."""
    specs = sorted((HERE / "specs").glob("*.yaml"))
    return [
        (spec, environment)
        for spec in specs
        for environment in REACHING_AWS.get(spec.stem, ENVIRONMENTS)
    ]


def compile_golden(spec: Path, environment: Environment) -> Compiled:
    """Return what `spec` compiles to."""
    plan, _ = build_plan(load_spec(spec.read_text(encoding="utf-8")))
    plan = pinned(plan, find_lock(spec), Findings(spec, {}))
    sources = gather_sources(plan, spec.parent, environment, library=HERE / "library")
    return compile_plan(plan, environment, sources)


def expected_path(spec: Path, environment: Environment) -> Path:
    """Return the file that holds what `spec` should compile to."""
    return HERE / "expected" / f"{spec.stem}.{environment.name}.json"


def main() -> None:
    """Write every expected file, and remove those of specs that are gone."""
    written = {expected_path(*case): compile_golden(*case).json for case in cases()}
    for path in set((HERE / "expected").glob("*.json")) - set(written):
        path.unlink()
    for path, data in written.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    main()
