"""Rewards for completions: a reward model's score, or what a function of the user's returns."""

from __future__ import annotations

import importlib.util
import json
import math
from typing import TYPE_CHECKING, Any

from training_scripts.container import fail, find_code
from training_scripts.data.rows import Message, MessagesRow, PromptRow
from training_scripts.data.tokenize import tokenize_rows
from training_scripts.training.model import load_reward_model, load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from training_scripts.container import Job
    from training_scripts.training.settings import TrainSettings

    Reward = Callable[..., list[float | None]]

CHANNEL = "reward-"
"""What the name of a reward model's input channel begins with; the reward's own name follows."""
_BATCH = 16
"""Completions that a reward model reads at once."""


def read_rewards(job: Job, settings: TrainSettings, device: Any) -> dict[str, Reward]:
    """Return the rewards by name, each as trl calls it and with its name.

    Raises:
        JobFailure: If a model gives no single score, or a file lacks its function.
    """
    return {
        name: _checked(name, _reward(name, spec, job, settings, device))
        for name, spec in settings.rewards.items()
    }


def reward_model(name: str, folder: Path, max_length: int, device: Any) -> Reward:
    """Return the scores of the model in `folder`, which reads texts as it was trained on them.

    Texts are tokenized anew: its tokenizer need not be that of the model that wrote them.
    """
    import torch

    where = f"rewards.{name}.model"
    _must_be_reward_model(folder, where)
    tokenizer = load_tokenizer(folder)
    model, _ = load_reward_model(folder, torch.float32, tokenizer.pad_token_id, seed=0)
    known = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > known:
        fail(
            f"{where}: its tokenizer has {len(tokenizer)} tokens and its weights {known}: they are "
            "of two models. Copy the tokenizer that the reward model was trained with."
        )
    model = model.to(device).eval()

    def scores(prompts: Sequence[Any], completions: Sequence[Any], **_: Any) -> list[float | None]:
        rows = [_row(*both) for both in zip(prompts, completions, strict=True)]
        tokens = tokenize_rows(rows, tokenizer, max_length=max_length, too_long="truncate")
        bounds = list(zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True))
        found: list[float | None] = []
        for at in range(0, len(bounds), _BATCH):
            texts = [torch.from_numpy(tokens.input_ids[a:b]) for a, b in bounds[at : at + _BATCH]]
            found += _scores(model, texts, tokenizer.pad_token_id)
        return found

    return scores


def reward_function(name: str, code: Path, function: str) -> Reward:
    """Return a function of the user's, from a file that travels with the job's code.

    Args:
        name: The reward's.
        code: The folder of the job's code.
        function: `./folder/rewards.py:NAME`; the folder stayed behind.
    """
    file, _, attribute = function.partition(":")
    path = code / file.rpartition("/")[2]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        fail(f"rewards.{name}.function: there is no file {path.name} in the job's code.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = getattr(module, attribute, None)
    if not callable(found):
        fail(f"rewards.{name}.function: {path.name} has no function {attribute!r}. Write it there.")
    reward: Reward = found
    return reward


def _reward(
    name: str, spec: dict[str, Any], job: Job, settings: TrainSettings, device: Any
) -> Reward:
    if spec.get("function"):
        return reward_function(name, find_code(job.root)[1], spec["function"])
    return reward_model(name, job.input(f"{CHANNEL}{name}"), settings.max_length, device)


def _checked(name: str, reward: Reward) -> Reward:
    """`reward` under the name that trl tells it by, its values looked at."""

    def checked(
        prompts: Sequence[Any], completions: Sequence[Any], **columns: Any
    ) -> list[float | None]:
        values = list(reward(prompts=prompts, completions=completions, **columns))
        if len(values) != len(completions):
            fail(
                f"rewards.{name}: it returned {len(values)} values for {len(completions)} "
                "completions. Return a number for each, or None where it does not apply."
            )
        wrong = [value for value in values if value is not None and not math.isfinite(value)]
        if wrong:
            fail(f"rewards.{name}: it returned {wrong[0]}. Return finite numbers.")
        return values

    checked.__name__ = name
    return checked


def _scores(model: Any, texts: Sequence[Any], pad_token_id: int) -> list[float | None]:
    import torch

    padded = torch.nn.utils.rnn.pad_sequence(
        [text.long() for text in texts], batch_first=True, padding_value=pad_token_id
    )
    lengths = torch.tensor([len(text) for text in texts])
    mask = (torch.arange(padded.shape[1])[None] < lengths[:, None]).long()
    with torch.no_grad():
        found = model(input_ids=padded.to(model.device), attention_mask=mask.to(model.device))
    scores: list[float | None] = found.logits.float().squeeze(-1).tolist()
    return scores


def _row(prompt: Any, completion: Any) -> PromptRow | MessagesRow:
    """A prompt and what was written, as the row that a reward model learns from."""
    if isinstance(prompt, str):
        return PromptRow("completion", prompt, completion)
    turns = tuple(Message(turn["role"], turn["content"]) for turn in (*prompt, *completion))
    return MessagesRow("completion", turns, prompt_turns=len(prompt))


def _must_be_reward_model(folder: Path, where: str) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    kinds = config.get("architectures") or ["a folder without config.json"]
    labels = config.get("num_labels") or len(config.get("id2label") or (0, 1))
    if not kinds[0].endswith("ForSequenceClassification"):
        found = f"{kinds[0]} gives a text no score"
    elif labels != 1:
        found = f"it gives a text {labels} scores"
    else:
        return
    fail(f"{where}: {found}. Pass the model of a step with `objective: reward`.")
