"""A small library of job scripts, and specs compiled against it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.compiler.compile import Compiled, compile_plan
from orchestrator.compiler.environment import LOCAL, Environment
from orchestrator.compiler.sources import gather_sources
from orchestrator.definition.model import Step, walk
from orchestrator.plan.build import build_plan
from orchestrator.spec.load import load_spec
from orchestrator.spec.project import SecretSpec

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.plan.model import Plan

LIBRARY = {
    "__init__.py": "",
    "launch.py": "import json\n",
    "container.py": "import json\n",
    "prepare_dataset.py": "from training_scripts.data import rows\n",
    "pretrain.py": "from training_scripts.container import current_job\n",
    "sft.py": """\
        import torch
        from training_scripts.container import current_job
        def main():
            from training_scripts.data.packing import pack
        """,
    "generate.py": "import training_scripts.data.rows\n",
    "evaluate.py": "import training_scripts.data.rows\n",
    "prepare_jumpstart.py": "import training_scripts.data.rows\n",
    "prepare_bedrock.py": "import training_scripts.data.rows\n",
    "find_approved.py": "from training_scripts.container import current_job\n",
    "data/__init__.py": "",
    "data/rows.py": "",
    "data/packing.py": "from training_scripts.data import tokens\n",
    "data/tokens.py": "",
    "unused.py": "",
}

PROD = Environment(
    name="prod",
    bucket="acme-models",
    role_arn="arn:aws:iam::123456789012:role/training",
    region="eu-central-1",
    kms_key_id="arn:aws:kms:eu-central-1:123456789012:key/1",
    subnets=("subnet-0a", "subnet-0b"),
    security_group_ids=("sg-0a",),
    tags={"team": "nlp", "cost-center": "42"},
    network_isolation=True,
    callback_queue_url="https://sqs.eu-central-1.amazonaws.com/123456789012/fmo-callbacks",
)


def write_files(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")


@dataclass(frozen=True)
class Project:
    """A spec's folder and a library of scripts, compiled on demand."""

    folder: Path
    scripts: Path

    def write(self, **files: str) -> None:
        """Write files of the spec's folder; `__` in a name stands for a slash, `_py` for `.py`."""
        named = {
            name.replace("__", "/").replace("_py", ".py"): text for name, text in files.items()
        }
        write_files(self.folder, named)

    def plan(self, text: str) -> Plan:
        declared = {"wandb": SecretSpec.model_validate({"secret_id": "acme/wandb"})}
        return build_plan(load_spec("name: demo\n" + dedent(text)), secrets=declared)[0]

    def compile(self, text: str, environment: Environment = LOCAL) -> Compiled:
        plan = self.plan(text)
        sources = gather_sources(plan, self.folder, environment, library=self.scripts)
        return compile_plan(plan, environment, sources)


def compiled_steps(compiled: Compiled) -> dict[str, Step]:
    """Return every step by name, nested ones included."""
    return {placed.step.name: placed.step for placed in walk(compiled.definition.steps)}


def arguments(compiled: Compiled, step: str) -> dict[str, Any]:
    """Return a step's arguments as plain JSON."""
    found: dict[str, Any] = json.loads(json.dumps(compiled_steps(compiled)[step].arguments))
    return found


MODEL = {
    "config.json": '{"model_type": "llama"}',
    "model.safetensors": "weights",
    "tokenizer.json": "{}",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    write_files(tmp_path / "library", LIBRARY)
    project = Project(tmp_path / "spec", tmp_path / "library")
    write_files(project.folder, {"clean.py": "import json\n", "rows/a.jsonl": "{}\n"})
    write_files(project.folder / "base", MODEL)
    return project


@pytest.fixture
def prod() -> Environment:
    return PROD


@pytest.fixture
def steps_of() -> Any:
    return compiled_steps


@pytest.fixture
def arguments_of() -> Any:
    return arguments
