from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from orchestrator.spec.train import TrainSpec  # noqa: E402
from tests.scripts.conftest import build_tokenizer  # noqa: E402
from tests.scripts.training.preference_model import PAIRS, model_of  # noqa: E402
from training_scripts import dpo, sft  # noqa: E402
from training_scripts.checkpoints.store import CheckpointStore  # noqa: E402
from training_scripts.container import JobFailure  # noqa: E402
from training_scripts.data.rows import PreferenceRow, PromptRow  # noqa: E402
from training_scripts.training.devices import World  # noqa: E402
from training_scripts.training.loop import (  # noqa: E402
    Interrupted,
    Run,
    own_batches,
    train,
    validate,
)
from training_scripts.training.model import prepare_model  # noqa: E402
from training_scripts.training.objectives.dpo import DPO  # noqa: E402
from training_scripts.training.settings import read_settings  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from training_scripts.container import Job

    MakeJob = Callable[..., Job]
    SettingsOf = Callable[..., dict[str, Any]]

pytestmark = [
    pytest.mark.train,
    # peft reads attributes that transformers is about to rename.
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
CPU = torch.device("cpu")
RECORDED = json.loads((Path(__file__).parent / "dpo.json").read_text(encoding="utf-8"))
REWARDS = ("rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins")


def settings(**fields: Any) -> Any:
    values = {"max_length": 64, "bf16": False, "learning_rate": 1e-2, **fields}
    spec = TrainSpec.model_validate(
        {"objective": "dpo", "data": "$split", "model_name_or_path": "./m", **values}
    )
    return read_settings(spec.model_dump(mode="json"))


def rows(pairs: list[dict[str, str]]) -> list[PreferenceRow]:
    return [
        PreferenceRow(
            str(number),
            PromptRow(str(number), pair["prompt"], pair["chosen"]),
            PromptRow(str(number), pair["prompt"], pair["rejected"]),
        )
        for number, pair in enumerate(pairs)
    ]


def run(folder: Path, own: Any, pairs: list[dict[str, str]] = PAIRS, **fields: Any) -> Run:
    """A run on `pairs`, from the model that stands for what training has made so far."""
    objective = DPO(own.beta, own.loss_type, own.label_smoothing)
    packed = objective.pack(rows(pairs), build_tokenizer(), own)
    values: dict[str, Any] = {
        "model": prepare_model(model_of(1.0), own, CPU),
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


def prepared(folder: Path, own: Any, **fields: Any) -> Run:
    """A run whose reference is another model than the one that learns."""
    reference = run(folder, own, model=prepare_model(model_of(1.7), own, CPU), **fields)
    packed = reference.objective.prepare(reference, total_steps=1).train
    return run(folder, own, train=packed, validation=packed)


def accumulated(own: Run, size: int) -> tuple[Any, Any]:
    """Means over all pairs and the norm of their gradients, `size` pairs at a time."""
    totals = torch.zeros(len(own.objective.train_means))
    everyone = range(len(own.train))
    for batch in own_batches(own, own.train, everyone, size):
        loss, sums = own.objective.train_sums(own.model, batch, scale=1 / len(own.train))
        loss.backward()
        totals += sums
    norms = [p.grad.double().norm() for p in own.model.parameters()]
    return totals, torch.stack(norms).norm()


@pytest.mark.parametrize("name", RECORDED["cases"])
def test_losses_rewards_and_gradients_are_those_of_trl(name: str, tmp_path: Path) -> None:
    recorded = RECORDED["cases"][name]
    own = prepared(tmp_path, settings(**recorded["settings"]))
    taken = sum(
        int(own.train.input_ids[row, : sum(lengths)].sum())
        for row, lengths in enumerate(own.train.document_lengths)
    )
    assert taken == recorded["tokens"]
    means, norm = accumulated(own, size=3)
    expected = [recorded["loss"], *(recorded[reward] for reward in REWARDS)]
    assert own.objective.train_means == ("loss", *REWARDS)
    assert means.tolist() == pytest.approx(expected, rel=1e-5, abs=2e-6)
    assert norm.item() == pytest.approx(recorded["gradient_norm"], rel=1e-5)


def test_a_step_does_not_depend_on_how_pairs_are_divided(tmp_path: Path) -> None:
    found = [accumulated(prepared(tmp_path, settings()), size) for size in (1, 2, 3)]
    for means, norm in found[1:]:
        torch.testing.assert_close(means, found[0][0], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(norm, found[0][1], rtol=1e-5, atol=0.0)


def test_both_answers_of_a_pair_meet_in_one_pass(tmp_path: Path) -> None:
    many = [
        {**PAIRS[0], "prompt": f"{number} " * 12 + "?\n", "rejected": "Deletes it. " * 6}
        for number in range(60)
    ]
    own = run(tmp_path, settings(max_length=128, per_device_train_batch_size=60), many)
    batches = list(own_batches(own, own.train, range(60), 60))
    assert len(batches) > 1
    for batch in batches:
        assert {number for _, number in batch.documents} == {0, 1}
        assert len({sequence for sequence, _ in batch.documents}) * 2 == len(batch.documents)


def test_at_the_first_step_the_model_is_its_own_reference(tmp_path: Path) -> None:
    own = run(tmp_path, settings(max_steps=1, num_train_epochs=1))
    first = train(own).history.rows[0]
    assert first["loss"] == pytest.approx(0.693147, abs=1e-6)
    assert first["rewards/margins"] == 0


def test_a_short_run_asks_the_reference_only_for_what_it_meets(tmp_path: Path) -> None:
    own = run(tmp_path, settings(per_device_train_batch_size=1), validation=None)
    reference = own.objective.prepare(own, total_steps=2).train.reference
    assert reference is not None
    assert sorted((reference != 0).all(axis=1)) == [False, True, True]


class Alone(World):
    """A process of two that never hears of the other."""

    def sum(self, tensor: Any) -> None:
        del tensor


def test_processes_share_the_reference_s_work(tmp_path: Path) -> None:
    whole, *shares = (
        run(tmp_path, settings(), world=world)
        for world in (World(0, 1, CPU), Alone(0, 2, CPU), Alone(1, 2, CPU))
    )
    found = [own.objective.prepare(own, 9).train.reference for own in (whole, *shares)]
    assert (found[1] == 0).any()
    assert found[1] + found[2] == pytest.approx(found[0])


def test_training_prefers_what_was_chosen(tmp_path: Path) -> None:
    own = run(tmp_path, settings(max_steps=12))
    trained = train(own)
    assert trained.history.last("eval_rewards/accuracies") == 1
    assert trained.history.last("eval_rewards/margins") > 1  # type: ignore[operator]
    assert trained.history.last("eval_loss") < 0.4  # type: ignore[operator]


def test_a_run_stopped_and_resumed_ends_with_the_same_bits(tmp_path: Path) -> None:
    own = settings(max_steps=6, save_steps=2, per_device_train_batch_size=2)
    expected = train(run(tmp_path / "whole", own))
    calls = itertools.count()
    # The first two are asked while the reference is, of both splits.
    stopped = run(tmp_path / "cut", own, stop_requested=lambda: next(calls) >= 5)
    with pytest.raises(Interrupted, match="a checkpoint is saved"):
        train(stopped)
    resumed = train(run(tmp_path / "cut", own))
    for name, weight in expected.master_weights.items():
        assert torch.equal(weight, resumed.master_weights[name])
    told = ("loss", "eval_loss", "rewards/margins", "eval_rewards/margins")
    for name in told:
        assert resumed.history.last(name) == expected.history.last(name)


def test_a_run_can_be_stopped_while_it_asks_the_reference(tmp_path: Path) -> None:
    stopped = run(tmp_path / "cut", settings(), stop_requested=lambda: True)
    with pytest.raises(Interrupted, match="nothing to save yet"):
        train(stopped)
    assert not (tmp_path / "cut").exists()


def read(job: Job, name: str) -> Any:
    return json.loads((job.model_dir / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_job_leaves_a_tuned_model_and_what_it_prefers(
    job: MakeJob,
    settings_of: SettingsOf,
    base_model: Path,
    write_split: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    method: str,
) -> None:
    own = job(
        settings_of("dpo", method=method, max_steps=8, learning_rate=1e-2, lora_r=4),
        model=base_model,
    )
    pair = {"prompt": "Yes or no?\n", "chosen": "yes", "rejected": "no"}
    for name in ("train", "validation"):
        write_split(own.input("data"), name, [pair] * 8)
    dpo.main(own)
    metrics = read(own, "metrics.json")
    assert metrics["eval/rewards/accuracies"] == 1
    assert metrics["train/rewards/accuracies"] > 0.8
    assert metrics["eval/rewards/margins"] > 0.1
    assert metrics["eval/rewards/chosen"] > metrics["eval/rewards/rejected"]
    assert metrics["eval/loss"] < 0.69
    assert "eval/perplexity" not in metrics
    assert (own.model_dir / "adapter").is_dir() == (method == "lora")
    before, after = (
        load_file(folder / "model.safetensors") for folder in (base_model, own.model_dir)
    )
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert '"beta": 0.1' in (own.model_dir / "README.md").read_text(encoding="utf-8")
    shown = capsys.readouterr().out
    assert "Training on 208 tokens in 8 pairs, 48 of them learned." in shown
    assert "train/loss=0.6931 train/rewards/chosen=0.0000" in shown


def test_rows_with_one_answer_are_no_preferences(
    job: MakeJob, settings_of: SettingsOf, base_model: Path, write_split: Callable[..., None]
) -> None:
    own = job(settings_of("dpo"), model=base_model)
    write_split(own.input("data"), "train", [{"prompt": "a", "completion": "b"}])
    with pytest.raises(
        JobFailure,
        match=r"data: row 'train-0' has no chosen and rejected answers, which objective dpo "
        r"learns from\. Give rows of format preference, or write `objective: sft`",
    ):
        dpo.main(own)


def test_preferences_are_no_completions(
    job: MakeJob, settings_of: SettingsOf, base_model: Path, write_split: Callable[..., None]
) -> None:
    own = job(settings_of("sft"), model=base_model)
    write_split(own.input("data"), "train", [{"prompt": "a", "chosen": "b", "rejected": "c"}])
    with pytest.raises(JobFailure, match=r"row 'train-0' is a preference.*`objective: dpo`"):
        sft.main(own)


def test_settings_that_make_no_sense_are_named(settings_of: SettingsOf) -> None:
    values = settings_of("dpo") | {"beta": 0.0, "label_smoothing": 0.5, "loss_type": "kto_pair"}
    with pytest.raises(JobFailure) as failure:
        read_settings(values)
    text = str(failure.value)
    assert "beta: 0.0 is not above 0. Write 0.1." in text
    assert "label_smoothing: 0.5 is a share of wrong labels" in text
    assert "loss_type: 'kto_pair' is unknown. Write one of sigmoid, hinge, ipo, robust." in text


def test_validation_tells_the_means_over_pairs(tmp_path: Path) -> None:
    own = prepared(tmp_path, settings())
    told = validate(own, own.train)
    recorded = RECORDED["cases"]["sigmoid"]
    expected = {name: recorded[name] for name in ("loss", *REWARDS)}
    assert told == pytest.approx(expected, rel=1e-5, abs=2e-6)
