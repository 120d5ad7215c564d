"""Reward models and KTO: what trl computes, and that they learn."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402
from transformers import AutoModelForSequenceClassification, AutoTokenizer  # noqa: E402

from tests.scripts.conftest import build_tokenizer  # noqa: E402
from tests.scripts.training.preference_model import (  # noqa: E402
    JUDGED,
    MARGINS,
    PAIRS,
    model_of,
    reward_model_of,
)
from training_scripts import kto, reward  # noqa: E402
from training_scripts.checkpoints.store import CheckpointStore  # noqa: E402
from training_scripts.container import JobFailure  # noqa: E402
from training_scripts.data.rows import Message as Turn  # noqa: E402
from training_scripts.data.rows import MessagesRow, PreferenceRow, PromptRow  # noqa: E402
from training_scripts.training.devices import World  # noqa: E402
from training_scripts.training.loop import Interrupted, Run, own_batches, train  # noqa: E402
from training_scripts.training.model import prepare_model  # noqa: E402
from training_scripts.training.objectives.kto import KTO  # noqa: E402
from training_scripts.training.objectives.reward import Reward  # noqa: E402
from training_scripts.training.settings import read_settings  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from training_scripts.container import Job

    MakeJob = Callable[..., Job]
    SettingsOf = Callable[..., dict[str, Any]]

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore::FutureWarning")]
HERE = Path(__file__).parent
CPU = torch.device("cpu")
RECORDED = {
    name: json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))["cases"]
    for name in ("reward", "kto")
}


def pair_rows(*, margins: bool = False) -> list[PreferenceRow]:
    return [
        PreferenceRow(
            str(number),
            PromptRow(str(number), pair["prompt"], pair["chosen"]),
            PromptRow(str(number), pair["prompt"], pair["rejected"]),
            extra={"margin": margin} if margins else {},
        )
        for number, (pair, margin) in enumerate(zip(PAIRS, MARGINS, strict=True))
    ]


def judged_rows() -> list[PromptRow]:
    return [
        PromptRow(str(number), str(row["prompt"]), str(row["completion"]), None, {"label": label})
        for number, row in enumerate(JUDGED)
        for label in [row["label"]]
    ]


def run(folder: Path, own: Any, objective: Any, model: Any, rows: Any, **fields: Any) -> Run:
    packed = objective.pack(rows, build_tokenizer(), own)
    values: dict[str, Any] = {
        "model": prepare_model(model, own, CPU),
        "train": packed,
        "validation": packed,
        "settings": own,
        "objective": objective,
        "dtype": torch.float32,
        "world": World(0, 1, CPU),
        "checkpoints": CheckpointStore(folder, keep=2),
        "clock": itertools.count().__next__,
        "stop_requested": lambda: False,
    }
    return Run(**(values | fields))


def accumulated(own: Run, size: int) -> tuple[dict[str, float], float]:
    """Means over all rows and the norm of their gradients, `size` rows at a time."""
    totals = torch.zeros(len(own.objective.train_means))
    for batch in own_batches(own, own.train, range(len(own.train)), size):
        loss, sums = own.objective.train_sums(own.model, batch, scale=1 / len(own.train))
        loss.backward()
        totals += sums
    norms = [p.grad.double().norm() for p in own.model.parameters() if p.grad is not None]
    names = own.objective.train_means
    return dict(zip(names, totals.tolist(), strict=True)), torch.stack(norms).norm().item()


def reward_run(folder: Path, own: Any, *, margins: bool = False, **fields: Any) -> Run:
    objective = Reward(0, own.center_rewards_coefficient)
    return run(folder, own, objective, reward_model_of(1.0), pair_rows(margins=margins), **fields)


@pytest.mark.parametrize("name", RECORDED["reward"])
@pytest.mark.parametrize("size", [1, 3])
def test_losses_and_gradients_of_rewards_are_those_of_trl(
    name: str, size: int, tmp_path: Path, settings_of: SettingsOf
) -> None:
    recorded = RECORDED["reward"][name]
    own = read_settings(settings_of("reward", bf16=False, **recorded["settings"]))
    means, norm = accumulated(reward_run(tmp_path, own, margins=recorded["margins"]), size)
    assert means["loss"] == pytest.approx(recorded["loss"], rel=1e-5)
    assert means["rewards/accuracies"] == pytest.approx(recorded["accuracy"])
    assert means["rewards/margins"] == pytest.approx(recorded["margin"], rel=1e-4)
    mean = (means["rewards/chosen"] + means["rewards/rejected"]) / 2
    assert mean == pytest.approx(recorded["mean_reward"], rel=1e-5)
    assert norm == pytest.approx(recorded["gradient_norm"], rel=1e-5)


@pytest.mark.parametrize("name", RECORDED["kto"])
def test_losses_and_gradients_of_answers_are_those_of_trl(
    name: str, tmp_path: Path, settings_of: SettingsOf
) -> None:
    recorded = RECORDED["kto"][name]
    own = read_settings(settings_of("kto", bf16=False, **recorded["settings"]))
    weights = own.desirable_weight, own.undesirable_weight
    objective = KTO(own.beta, own.loss_type, *weights)
    reference = run(tmp_path, own, objective, model_of(1.7), judged_rows())
    packed = objective.prepare(reference, 1).train
    means, norm = accumulated(
        run(tmp_path, own, objective, model_of(1.0), judged_rows(), train=packed), 3
    )
    expected = {key: recorded[key] for key in means}
    assert means == pytest.approx(expected, rel=1e-4, abs=2e-6)
    assert norm == pytest.approx(recorded["gradient_norm"], rel=1e-4)


def test_a_reward_run_stopped_and_resumed_ends_with_the_same_bits(
    tmp_path: Path, settings_of: SettingsOf
) -> None:
    own = read_settings(settings_of("reward", bf16=False, max_steps=6, save_steps=2))
    expected = train(reward_run(tmp_path / "whole", own))
    calls = itertools.count()
    with pytest.raises(Interrupted, match="a checkpoint is saved"):
        train(reward_run(tmp_path / "cut", own, stop_requested=lambda: next(calls) >= 3))
    resumed = train(reward_run(tmp_path / "cut", own))
    for name, weight in expected.master_weights.items():
        assert torch.equal(weight, resumed.master_weights[name])


def test_a_reward_job_leaves_a_model_that_transformers_reads_as_one_score(
    job: MakeJob, settings_of: SettingsOf, base_model: Path, write_split: Callable[..., None]
) -> None:
    own = job(settings_of("reward", max_steps=8, learning_rate=1e-2), model=base_model)
    pair = {"prompt": "Yes or no?\n", "chosen": "yes", "rejected": "no"}
    for name in ("train", "validation"):
        write_split(own.input("data"), name, [pair] * 8)
    reward.main(own)
    metrics = json.loads((own.model_dir / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["eval/rewards/accuracies"] == 1
    assert metrics["eval/rewards/margins"] > 0.5
    assert 0.5 < metrics["eval/rewards/confidence"] <= 1
    assert "eval/perplexity" not in metrics
    model = AutoModelForSequenceClassification.from_pretrained(own.model_dir)
    tokenizer = AutoTokenizer.from_pretrained(own.model_dir)
    assert model.config.num_labels == 1
    ends = [
        tokenizer(pair["prompt"] + pair[side], return_tensors="pt")
        for side in ("chosen", "rejected")
    ]
    chosen, rejected = (model(**tokens).logits.item() for tokens in ends)
    assert chosen - rejected == pytest.approx(metrics["eval/rewards/margins"], abs=0.05)
    readme = (own.model_dir / "README.md").read_text(encoding="utf-8")
    assert 'AutoModelForSequenceClassification.from_pretrained(".")' in readme
    assert '"beta"' not in readme


def test_a_kto_job_learns_from_labels_what_is_wanted(
    job: MakeJob, settings_of: SettingsOf, base_model: Path, write_split: Callable[..., None]
) -> None:
    own = job(settings_of("kto", max_steps=8, learning_rate=1e-2), model=base_model)
    rows = [
        {"prompt": f"{number}?\n", "completion": "yes" if wanted else "no", "label": wanted}
        for number in range(6)
        for wanted in (True, False)
    ]
    for name in ("train", "validation"):
        write_split(own.input("data"), name, rows)
    kto.main(own)
    metrics = json.loads((own.model_dir / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["eval/rewards/chosen"] > metrics["eval/rewards/rejected"]
    assert metrics["eval/rewards/margins"] > 0.05
    assert metrics["eval/kl"] >= 0
    before, after = (
        load_file(folder / "model.safetensors") for folder in (base_model, own.model_dir)
    )
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_pairs_are_two_judged_answers(settings_of: SettingsOf) -> None:
    own = read_settings(settings_of("kto"))
    packed = KTO(0.1, "kto", 1, 1).pack(pair_rows(), build_tokenizer(), own)
    assert packed.signals is not None
    assert packed.signals.tolist() == [2, -2] * 3


def test_the_other_answer_is_one_to_another_prompt(settings_of: SettingsOf) -> None:
    tokenizer, own = build_tokenizer(), read_settings(settings_of("kto"))
    packed = KTO(0.1, "kto", 1, 1).pack(pair_rows(), tokenizer, own)
    first, second = packed.document_lengths[0]
    text = tokenizer.decode(packed.input_ids[0, first : first + second], skip_special_tokens=True)
    assert text == PAIRS[0]["prompt"] + PAIRS[2]["rejected"]


def test_the_last_reply_of_a_conversation_is_judged(settings_of: SettingsOf) -> None:
    tokenizer, own = build_tokenizer(), read_settings(settings_of("kto", max_length=128))
    turns = (Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c"), Turn("assistant", "d"))
    rows = [MessagesRow(str(at), turns, None, {"label": at}) for at in (0, 1)]
    packed = KTO(0.1, "apo_zero_unpaired", 1, 1).pack(rows, tokenizer, own)
    learned = tokenizer.decode(packed.labels[0][packed.labels[0] != -100])
    assert learned.startswith("d")
    assert packed.signals is not None
    assert packed.signals.tolist() == [-2, 2]


def test_an_answer_without_a_label_is_refused(settings_of: SettingsOf) -> None:
    own = read_settings(settings_of("kto"))
    with pytest.raises(
        JobFailure,
        match=r"row '1' says in no column 'label' whether its answer is wanted \(found: None\)",
    ):
        KTO(0.1, "kto", 1, 1).pack([PromptRow("1", "a", "b")], build_tokenizer(), own)


def test_a_reward_is_not_learned_from_one_answer(settings_of: SettingsOf) -> None:
    own = read_settings(settings_of("reward"))
    with pytest.raises(JobFailure, match="which objective reward learns from"):
        Reward(0, 0.0).pack([PromptRow("1", "a", "b")], build_tokenizer(), own)
