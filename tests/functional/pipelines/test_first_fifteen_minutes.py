"""From an empty folder with only the wheel to a tuned model that answers, as a user types it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.scripts.conftest import build_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = [pytest.mark.train, pytest.mark.slow]

ROOT = Path(__file__).parents[3]
HUB = ROOT / "tests" / "functional" / "hub_server.py"
WORDS = ("cat", "dog", "sun", "map", "pen", "cup", "hat", "jam")


@dataclass(frozen=True)
class User:
    """Somebody in a folder of their own, with `fmo` from the wheel."""

    folder: Path
    site: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def types(self, line: str) -> subprocess.CompletedProcess[str]:
        """Return how `line` ended, which begins with `fmo`."""
        program, *arguments = line.split()
        assert program == "fmo"
        kept = ("PATH", "HOME", "LANG", "OMP_NUM_THREADS", "OPENBLAS_CORETYPE")
        return subprocess.run(
            [str(self.site / "bin" / "fmo"), *arguments],
            cwd=self.folder,
            env={name: os.environ[name] for name in kept if name in os.environ}
            | {"PYTHONPATH": str(self.site), "COLUMNS": "80", **self.variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def done(self, line: str) -> str:
        """Return what `line` shows, which must end well."""
        ended = self.types(line)
        shown = ended.stdout + ended.stderr
        assert ended.returncode == 0, shown
        assert "Traceback" not in shown
        return shown


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A hub on this machine with one small base model, `acme/small`."""
    folder = tmp_path_factory.mktemp("hub")
    write_base_model(folder / "acme" / "small")
    command = [sys.executable, str(HUB), str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    with server:
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.terminate()


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory, hub: str) -> User:
    """A user outside the clone; of the project there is nothing but the wheel."""
    built, site = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("site")
    python([*["hatchling", "build", "-t", "wheel", "-d"], str(built)])
    (wheel,) = built.glob("*.whl")
    options = ["pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    python([*options, str(site), str(wheel)])
    folder = tmp_path_factory.mktemp("empty")
    return User(folder, site, {"HF_ENDPOINT": hub, "HF_HOME": str(folder / ".hub")})


def python(module: list[str]) -> None:
    """Run a module in the clone; it must end well."""
    command = [sys.executable, "-m", *module]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def write_base_model(folder: Path) -> None:
    """A model with random weights, larger than those of smoke runs."""
    import torch  # noqa: PLC0415
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=400,
        hidden_size=96,
        intermediate_size=192,
        num_hidden_layers=3,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=512,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    build_tokenizer().save_pretrained(folder)


def write_tickets(path: Path) -> None:
    """Questions of two kinds, each with its one true answer."""
    rows = [
        {"question": f"Ticket {number}: say {word} twice.", "answer": f"{word} {word}"}
        for number in range(25)
        for word in WORDS
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_from_an_empty_folder_to_a_tuned_model_that_answers(user: User) -> None:
    write_tickets(user.folder / "tickets.jsonl")

    looked = user.done("fmo data check tickets.jsonl")
    assert "tickets.jsonl: 200 rows, format prompt-completion" in looked

    assert "next: fmo validate spec.yaml" in user.done(
        "fmo init sft --data tickets.jsonl --model acme/small"
    )
    spec = (user.folder / "spec.yaml").read_text(encoding="utf-8")
    assert len(spec.splitlines()) <= 25
    assert "hf://acme/small" in spec
    assert "spec.yaml: 3 steps, 0 warnings, no errors" in user.done("fmo validate spec.yaml")

    tried = user.done("fmo run spec.yaml --smoke")
    assert "hf://acme/small@main: its settings and tokenizer will be downloaded first" in tried
    assert "smoke run: few rows and steps, tiny models; the numbers mean nothing" in tried
    mirrored = user.folder / ".fmo/s3/fmo-local/fmo/hub/acme/small/main"
    assert not list(mirrored.glob("*.safetensors"))

    masked = user.done("fmo data mask spec.yaml --rows 1")
    assert re.search(r"tickets.jsonl:1: \d+ tokens, \d+ trained", masked)
    assert "serving: the prompt is the same" in masked

    ran = user.types("fmo run spec.yaml --set steps.train.max_steps=40 --json")
    assert ran.returncode == 0, ran.stderr
    assert "Evaluation: exam" in ran.stderr
    assert "talk to it: fmo chat" in ran.stderr
    result = json.loads(ran.stdout)
    assert "<h1>tickets</h1>" in Path(result["report"]).read_text(encoding="utf-8")
    assert losses(result)[-1] < losses(result)[0]

    (user.folder / "prompts.txt").write_text("Ticket 3: say sun twice.\n", encoding="utf-8")
    answers = user.done("fmo chat --prompts prompts.txt --max-new-tokens 8")
    assert "base: hf://acme/small" in answers
    assert [line for line in answers.splitlines() if line.startswith("> ")] == [
        "> Ticket 3: say sun twice."
    ]


def test_what_ran_was_the_wheel(user: User) -> None:
    code = "import orchestrator, training_scripts; print(orchestrator.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=user.folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(user.site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()).is_relative_to(user.site)


@pytest.mark.parametrize("objective", ["pretrain", "continued-pretrain", "dpo"])
def test_the_other_beginnings_validate_as_they_are(user: User, objective: str) -> None:
    rows: dict[str, list[dict[str, Any]]] = {
        "dpo": [
            {"prompt": f"Say {word}.", "chosen": word, "rejected": "no"} for word in WORDS * 10
        ],
    }
    texts = [{"text": f"Row {number} tells of a {WORDS[number % 8]}."} for number in range(80)]
    data = user.folder / f"{objective}.jsonl"
    lines = (json.dumps(row) + "\n" for row in rows.get(objective, texts))
    data.write_text("".join(lines), encoding="utf-8")
    model = "" if objective == "pretrain" else "--model acme/small"
    user.done(f"fmo init {objective} --data {data.name} {model} -o {objective}.yaml")
    assert "no errors" in user.done(f"fmo validate {objective}.yaml")
    assert len((user.folder / f"{objective}.yaml").read_text().splitlines()) <= 25


def losses(document: dict[str, Any]) -> list[float]:
    """The validation losses of the step `train`, in order."""
    train = next(step for step in document["steps"] if step["name"] == "train")
    return [row["eval_loss"] for row in train["history"] if "eval_loss" in row]
