"""`fmo chat` with models of a few thousand weights, from a pipe and from a file."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.cli.conftest import Fmo


def make_model(folder: Path, *, seed: int) -> None:
    import torch  # noqa: PLC0415
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: PLC0415
    from transformers import (  # noqa: PLC0415
        LlamaConfig,
        LlamaForCausalLM,
        PreTrainedTokenizerFast,
    )

    torch.manual_seed(seed)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate(["<|end|>", *alphabet])}
    backend = Tokenizer(models.BPE(vocabulary, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|end|>")  # noqa: S106
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=4096,
        initializer_range=0.5,
        eos_token_id=0,
        bos_token_id=None,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config)
    # The end is never the likeliest token.
    model.get_input_embeddings().weight.data[0] = 0
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


@pytest.fixture
def models(fmo: Fmo) -> Fmo:
    for seed, name in enumerate(("before", "after")):
        make_model(fmo.folder / name, seed=seed)
    return fmo


def talk(fmo: Fmo, *arguments: str, said: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestrator", "chat", *arguments],
        cwd=fmo.folder, env=fmo.environment(), input=said,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.train
def test_a_pipe_gets_both_answers_to_each_line(models: Fmo) -> None:
    given = ["./after", "--base", "./before", "--max-new-tokens", "5"]
    done = talk(models, *given, said="What?\n\nWhy?\n")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("> ")] == ["> What?", "> Why?"]
    assert sum(line.startswith("base: ") for line in lines) == 2
    assert sum(line.startswith("model: ") for line in lines) == 2
    assert "\x1b" not in done.stdout
    assert done.stderr.splitlines() == ["base: ./before", "model: ./after", "prompts: raw"]


@pytest.mark.train
def test_a_file_of_prompts_becomes_lines_of_json(models: Fmo) -> None:
    prompts = models.folder / "prompts.jsonl"
    prompts.write_text('{"prompt": "What?"}\n{"prompt": "' + "x" * 5000 + '"}\n')
    # A file of the user that has the name of a library is none of the chat's business.
    (models.folder / "tokenizers.py").write_text("raise SystemExit('imported')\n")
    given = ["--prompts", "prompts.jsonl", "--json", "--max-new-tokens", "3"]
    done = models("chat", "./after", *given, "--prompt-template", "alpaca")
    rows: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [list(row["answers"]) for row in rows] == [["model"], ["model"]], done.stderr
    assert rows[0]["prompt"] == "What?"
    assert rows[0]["answers"]["model"]["tokens"] <= 3
    assert rows[1]["answers"]["model"]["reason"] == "refused"
    assert done.code == 1
    assert "1 of 2 prompts could not be asked" in done.stderr
    assert "prompts: alpaca" in done.stderr


@pytest.mark.train
def test_ctrl_c_ends_the_answer_and_then_the_chat(models: Fmo) -> None:
    given = ["./after", "--max-new-tokens", "4000"]
    process, screen = pty.fork()
    if process == 0:
        os.chdir(models.folder)
        # Another test of this process may have left it ignored, which the command would inherit.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        command = [sys.executable, "-m", "orchestrator", "chat", *given]
        os.execve(sys.executable, command, models.environment(COLUMNS="60"))  # noqa: S606
    shown = read_until(screen, b"> ")
    os.write(screen, b"What?\n")
    shown = read_until(screen, b"What?\r\n")
    read_until(screen, b"", least=200)
    os.write(screen, b"\x03")
    shown = read_until(screen, b"> ")
    assert b"[stopped]" in shown
    assert os.waitstatus_to_exitcode(interrupt_until_it_ends(process, screen)) == 0


def interrupt_until_it_ends(process: int, screen: int) -> int:
    """Press Ctrl-C until it is heard: Python loses one between a prompt and the wait for it."""
    for _ in range(200):
        os.write(screen, b"\x03")
        time.sleep(0.3)
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return status
    os.kill(process, signal.SIGKILL)
    return os.waitpid(process, 0)[1]


def read_until(screen: int, wanted: bytes, *, least: int = 0) -> bytes:
    """What a terminal shows until it ends in `wanted` and has `least` bytes."""
    shown, give_up = b"", time.monotonic() + 60
    while not (shown.rstrip(b"\x1b[?25h").endswith(wanted) and len(shown) >= least):
        assert time.monotonic() < give_up, shown
        if select.select([screen], [], [], 1)[0]:
            shown += os.read(screen, 65536)
    return shown


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "there is no model in /home/me/.fmo yet. Make one with `fmo run FILE`"),
        (("nope",), "there is no model, execution or folder 'nope' (/home/me/.fmo)."),
        (("./nope",), "./nope: there is no such folder. Name the folder that holds a model."),
        (("./spec.yaml",), "./spec.yaml: it is a file."),
        ((".", "--base", "/no/model"), "/no/model: there is no such folder."),
        ((".", "--prompts", "no.txt"), "no.txt: there is no such file."),
        ((".", "--prompt-template", "chatml"), "there is no template 'chatml'. Use one of plain,"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(
    fmo: Fmo, arguments: tuple[str, ...], told: str
) -> None:
    done = fmo("chat", *arguments)
    assert done.code == 2
    assert done.stderr.count("\n") == 1
    assert told in done.stderr.replace(str(fmo.folder), "/home/me")


def test_a_step_without_a_model_is_told_from_one_that_has_one(fmo: Fmo) -> None:
    fmo("run", "spec.yaml", "--param", "Limit=3")
    done = fmo("chat", "last/count")
    assert done.code == 2
    assert "step 'count' has made no model. Run one of kind train first." in done.stderr


@pytest.mark.train
def test_a_folder_without_a_model_is_told_with_what_it_holds(fmo: Fmo) -> None:
    done = fmo("chat", ".")
    assert done.code == 2
    assert "no model there; config.json and *.safetensors are needed, found" in done.stderr
    assert "Traceback" not in done.stderr
