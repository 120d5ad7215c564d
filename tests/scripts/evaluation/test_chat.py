"""The process that answers: its protocol, its wording, its tokens."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from training_scripts.chat import Interruption, require_libraries, serve
from training_scripts.container import JobFailure
from training_scripts.data.formats import Sample
from training_scripts.data.templates import render
from training_scripts.data.tokenize import tokenize_rows
from training_scripts.evaluation.language_model import LanguageModel
from training_scripts.evaluation.streaming import GrowingText, Sampling, stream
from training_scripts.evaluation.wording import Wording, prompt_ids

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def weights() -> Any:
    import torch  # noqa: PLC0415
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415

    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=400,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
        initializer_range=0.5,
        eos_token_id=0,
        bos_token_id=None,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config).eval()


@pytest.fixture
def folder(tmp_path: Path, weights: Any, tokenizer: Any) -> Path:
    weights.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def setup(*folders: Path, template: str = "raw", max_new_tokens: int = 8, **more: Any) -> str:
    models = [
        {"name": name, "folder": str(folder), "under": None}
        for name, folder in zip(("base", "model"), folders, strict=False)
    ]
    settings = {"max_new_tokens": max_new_tokens, "temperature": 0, "seed": 1} | more
    wording = {"template": template, "system_prompt": None}
    return json.dumps({"models": models, "wording": wording, **settings})


def question(text: str, *, together: bool = True) -> str:
    return json.dumps({"prompt": text, "together": together})


def answered(*lines: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    serve(lines, events.append, Interruption())
    return events


def test_the_protocol_is_a_line_of_json_each_way(folder: Path) -> None:
    lines = [setup(folder, folder), question("What is it?"), question("Why?", together=False)]
    done = subprocess.run(
        [sys.executable, "-m", "training_scripts.chat"],
        input="\n".join(lines), capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] == "ready"
    assert events[0]["wordings"] == {"base": "raw", "model": "raw"}
    assert [event["event"] for event in events].count("answered") == 2
    ends = [event for event in events if event["event"] == "end"]
    assert sorted(event["model"] for event in ends[:2]) == ["base", "model"]
    assert [event["model"] for event in ends[2:]] == ["base", "model"]
    for end in ends[:2]:
        pieces = [e["text"] for e in events if e["event"] == "piece" and e["model"] == "base"]
        assert "".join(pieces).startswith(end["text"].rstrip("\ufffd"))


def test_a_folder_without_a_model_is_told_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "training_scripts.chat"],
        input=setup(tmp_path), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    event = json.loads(done.stdout)
    assert event["event"] == "error"
    assert "no model there; config.json and *.safetensors are needed" in event["message"]


def test_damaged_weights_are_told_in_one_line(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(JobFailure, match="the model there cannot be loaded"):
        answered(setup(folder))


def test_a_missing_library_names_the_extra_to_install() -> None:
    with pytest.raises(JobFailure, match=r"torch .* pip install 'fm-orchestrator\[train\]'"):
        require_libraries(lambda _: False)


def test_models_take_turns_only_if_told_to(folder: Path) -> None:
    def order(*, together: bool) -> list[str]:
        events = answered(setup(folder, folder), question("What is it?", together=together))
        return [event["model"] for event in events if event["event"] == "piece"]

    assert order(together=False) == sorted(order(together=False))
    assert order(together=True)[:2] == ["base", "model"]


def test_an_answer_ends_when_somebody_interrupts_it(folder: Path) -> None:
    interruption = Interruption()
    events: list[dict[str, Any]] = []

    def send(event: dict[str, Any]) -> None:
        events.append(event)
        if event["event"] == "piece":
            interruption.ask()

    serve([setup(folder), question("What?"), question("Why?")], send, interruption)
    ends = [event for event in events if event["event"] == "end"]
    assert [event["reason"] for event in ends] == ["interrupted", "interrupted"]
    assert all(1 <= event["tokens"] < 8 for event in ends)


def test_a_prompt_that_does_not_fit_is_refused_and_the_chat_goes_on(folder: Path) -> None:
    events = answered(setup(folder), question("é" * 100), question("What?"))
    ends = [event for event in events if event["event"] == "end"]
    assert ends[0]["reason"] == "refused"
    assert "tokens, and the model takes 64. Shorten it." in ends[0]["message"]
    assert ends[1]["reason"] != "refused"


def test_an_answer_is_cut_where_the_model_has_no_room(folder: Path) -> None:
    events = answered(setup(folder, max_new_tokens=1_000), question("What?"))
    end = next(event for event in events if event["event"] == "end")
    assert end["tokens"] < 64


def test_greedy_tokens_are_what_the_library_generates(weights: Any, tokenizer: Any) -> None:
    import torch  # noqa: PLC0415

    model = LanguageModel(weights, tokenizer, torch.device("cpu"))
    for prompt in ([7, 8, 9], [11, 12, 13, 14]):
        ids = torch.tensor([prompt])
        whole = weights.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False
        )
        expected = [int(token) for token in whole[0, len(prompt) :] if token != 0]
        assert list(stream(model, prompt, Sampling(12))) == expected


def test_one_seed_gives_one_answer_and_temperature_varies_it(weights: Any, tokenizer: Any) -> None:
    import torch  # noqa: PLC0415

    model = LanguageModel(weights, tokenizer, torch.device("cpu"))

    def sampled(seed: int) -> list[int]:
        return list(stream(model, [7, 8, 9], Sampling(12, temperature=2.0, seed=seed)))

    assert sampled(1) == sampled(1)
    assert len({tuple(sampled(seed)) for seed in range(4)}) > 1


def test_a_character_is_shown_once_all_its_bytes_are_there(tokenizer: Any) -> None:
    text = "aé日😀b"
    growing = GrowingText(tokenizer)

    def pieces() -> Iterator[str]:
        for token in tokenizer(text, add_special_tokens=False)["input_ids"]:
            yield growing.add(token)

    shown = list(pieces())
    assert "".join(shown) == growing.text == text
    assert not any("\ufffd" in piece for piece in shown)


@pytest.mark.parametrize(
    "template", ["plain", "alpaca", "question-answer", "summarization", "code", "chat"]
)
@pytest.mark.parametrize("system", [None, "Be short."])
def test_a_prompt_is_worded_token_by_token_as_in_training(
    tokenizer_with_begin: Any, template: Any, system: str | None
) -> None:
    sample = Sample("1", instruction="What does it do?", output="It deletes it.")
    row = render(sample, template, system)
    trained = tokenize_rows([row], tokenizer_with_begin, max_length=1_000)
    first_learned = int(trained.in_loss.argmax())

    found = prompt_ids("What does it do?", Wording(template, system), tokenizer_with_begin)

    assert found == trained.input_ids[:first_learned].tolist()


def test_a_model_without_a_chat_template_is_asked_as_it_is(tokenizer: Any) -> None:
    assert Wording("auto").for_tokenizer(tokenizer).template == "chat"
    tokenizer.chat_template = None
    assert Wording("auto").for_tokenizer(tokenizer).template == "raw"
    assert Wording("chat").for_tokenizer(tokenizer).template == "raw"
    assert Wording("alpaca").for_tokenizer(tokenizer).template == "alpaca"
