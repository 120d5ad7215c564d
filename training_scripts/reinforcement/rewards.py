"""Rewards for completions: a reward model's score, or what a function of the user's returns."""

from __future__ import annotations

import importlib.util
import math
from typing import TYPE_CHECKING, Any

from training_scripts.container import fail, find_code
from training_scripts.data.rows import Message, MessagesRow, PromptRow
from training_scripts.evaluation.reward_model import load_scorer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from training_scripts.container import Job
    from training_scripts.training.settings import TrainSettings

    Reward = Callable[..., list[float | None]]

CHANNEL = "reward-"
"""What the name of a reward model's input channel begins with; the reward's own name follows."""


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
    """Return the scores of the model in `folder`.

    Texts are tokenized anew: its tokenizer need not be that of the model that wrote them.
    """
    scorer = load_scorer(folder, f"rewards.{name}.model", max_length, device)

    def scores(prompts: Sequence[Any], completions: Sequence[Any], **_: Any) -> list[float | None]:
        return [*scorer([_row(*both) for both in zip(prompts, completions, strict=True)])]

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


def _row(prompt: Any, completion: Any) -> PromptRow | MessagesRow:
    """A prompt and what was written, as the row that a reward model learns from."""
    if isinstance(prompt, str):
        return PromptRow("completion", prompt, completion)
    turns = tuple(Message(turn["role"], turn["content"]) for turn in (*prompt, *completion))
    return MessagesRow("completion", turns, prompt_turns=len(prompt))
