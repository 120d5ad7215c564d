"""Reinforcement on a tiny model: that it learns, resumes, and says when length is rewarded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from safetensors.torch import load_file  # noqa: E402

from training_scripts import reinforce, reward  # noqa: E402
from training_scripts.container import JobFailure  # noqa: E402
from training_scripts.reinforcement.run import reinforce as run  # noqa: E402
from training_scripts.training.settings import read_settings  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from training_scripts.container import Job

    MakeJob = Callable[..., Job]
    SettingsOf = Callable[..., dict[str, Any]]

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore")]
FUNCTIONS = '''
def vowels(prompts, completions, **columns):
    """The share of a completion that is vowels."""
    return [sum(c in "aeiou" for c in text) / max(len(text), 1) for text in completions]


def length(prompts, completions, completion_ids, **columns):
    return [float(len(ids)) for ids in completion_ids]


def short(prompts, completions, **columns):
    return [1.0]


def same(prompts, completions, reference, wanted, **columns):
    assert reference == wanted
    return [float(text == answer) for text, answer in zip(completions, reference)]
'''
FAST: dict[str, Any] = {
    "max_completion_length": 4,
    "num_generations": 16,
    "per_device_train_batch_size": 32,
    "learning_rate": 3e-2,
    "lr_scheduler_type": "constant",
    "max_grad_norm": 0,
    "logging_steps": 1,
    "beta": 0.001,
}


def function(name: str) -> dict[str, Any]:
    return {"rewards": {name: {"function": f"./lib/rewards.py:{name}"}}}


@pytest.fixture
def rl_job(
    job: MakeJob, settings_of: SettingsOf, base_model: Path, write_split: Callable[..., None]
) -> Callable[..., Job]:
    def make(objective: str, **fields: Any) -> Job:
        own = job(settings_of(objective, **{**FAST, **fields}), model=base_model)
        (own.root / "input/data/code/rewards.py").write_text(FUNCTIONS, encoding="utf-8")
        rows = [{"prompt": f"Say {n}.\n", "completion": str(n), "wanted": str(n)} for n in range(8)]
        write_split(own.input("data"), "train", rows)
        return own

    return make


def history(own: Job) -> list[dict[str, float]]:
    lines = (own.model_dir / "trainer_log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def metrics(own: Job) -> dict[str, float]:
    found: dict[str, float] = json.loads((own.model_dir / "metrics.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize("objective", ["grpo", "rloo"])
def test_what_is_rewarded_becomes_likelier(
    rl_job: Callable[..., Job], base_model: Path, objective: str
) -> None:
    own = rl_job(objective, max_steps=20, **function("vowels"))
    reinforce.main(own)
    rows, found = history(own), metrics(own)
    first, last = (sum(row["reward"] for row in part) / 5 for part in (rows[:5], rows[-5:]))
    assert last > first + 0.1
    assert found["train/reward_gain"] == pytest.approx(last - first)
    assert found["train/kl"] > 0
    assert rows[0]["kl"] == pytest.approx(0, abs=1e-5)
    assert found["train/rewards/vowels"] == pytest.approx(found["train/reward"])
    before, after = (load_file(path / "model.safetensors") for path in (base_model, own.model_dir))
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert not list(own.checkpoint_dir.glob("*/*"))


@pytest.mark.parametrize("merged", [True, False])
def test_an_adapter_is_tuned_beside_the_model(rl_job: Callable[..., Job], *, merged: bool) -> None:
    fields = {"method": "lora", "lora_r": 4, "merge_adapter": merged, **function("vowels")}
    own = rl_job("grpo", max_steps=3, **fields)
    reinforce.main(own)
    found = metrics(own)
    assert found["train/kl"] > 0
    assert found["train/trainable_parameters"] < found["train/parameters"] / 2
    folder = own.model_dir / "adapter" if merged else own.model_dir
    adapter = load_file(folder / "adapter_model.safetensors")
    assert all(tensor.abs().max() > 0 for tensor in adapter.values())
    assert (own.model_dir / "model.safetensors").exists() == merged
    assert not list(own.model_dir.glob("**/ref"))


def test_a_stopped_run_goes_on_and_ends_as_if_it_never_stopped(
    rl_job: Callable[..., Job], capsys: pytest.CaptureFixture[str]
) -> None:
    own = rl_job("grpo", max_steps=4, save_steps=1, save_total_limit=3, **function("vowels"))
    settings = read_settings(own.settings)
    assert run(own, settings, lambda: False)
    whole, rows = load_file(own.model_dir / "model.safetensors"), history(own)
    (own.model_dir / "model.safetensors").unlink()
    asked = iter([False, False, True])
    assert not run(own, settings, lambda: next(asked))
    assert not (own.model_dir / "model.safetensors").exists()
    (newest,) = own.checkpoint_dir.glob("*/checkpoint-3")
    weights = newest / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    capsys.readouterr()
    assert run(own, settings, lambda: False)
    said = capsys.readouterr().out
    assert "checkpoints: checkpoint-3 is damaged (model.safetensors has 100 bytes, not" in said
    assert "Resuming after step 2." in said
    again = load_file(own.model_dir / "model.safetensors")
    assert max((whole[name] - again[name]).abs().max() for name in whole) <= 1e-6
    assert [row["reward"] for row in history(own)] == pytest.approx(
        [row["reward"] for row in rows], abs=1e-6
    )


def test_a_reward_for_length_is_told(
    rl_job: Callable[..., Job], capsys: pytest.CaptureFixture[str]
) -> None:
    own = rl_job("grpo", max_steps=10, max_completion_length=12, **function("length"))
    reinforce.main(own)
    assert metrics(own)["train/reward_length_correlation"] == pytest.approx(1)
    grown = metrics(own)["train/completion_length_growth"]
    warned = "warning: length may be what is rewarded" in capsys.readouterr().out
    assert warned == (grown >= 0.25)


def test_a_reward_model_scores_what_is_written(
    rl_job: Callable[..., Job],
    settings_of: SettingsOf,
    base_model: Path,
    tmp_path: Path,
) -> None:
    from tests.scripts.training.conftest import make_job  # noqa: PLC0415 beside the fixtures

    judge = make_job(tmp_path / "judge", settings_of("reward", max_steps=2), model=base_model)
    reward.main(judge)
    rewards = {
        "helpful": {"model": "$judge.model"},
        "same": {"function": "./rewards.py:same", "weight": 0.5},
    }
    own = rl_job("rloo", max_steps=1, rewards=rewards)
    (own.root / "input/data/reward-helpful").symlink_to(judge.model_dir)
    reinforce.main(own)
    found = metrics(own)
    expected = found["train/rewards/helpful"] + 0.5 * found["train/rewards/same"]
    assert found["train/reward"] == pytest.approx(expected, abs=1e-5)


def test_a_language_model_is_no_reward_model(rl_job: Callable[..., Job], base_model: Path) -> None:
    own = rl_job("rloo", rewards={"helpful": {"model": "$judge.model"}})
    (own.root / "input/data/reward-helpful").symlink_to(base_model)
    with pytest.raises(
        JobFailure,
        match=r"rewards\.helpful\.model: LlamaForCausalLM gives a text no score\. "
        r"Pass the model of a step with `objective: reward`\.",
    ):
        reinforce.main(own)


def test_a_function_returns_a_number_for_each(rl_job: Callable[..., Job]) -> None:
    with pytest.raises(JobFailure, match=r"rewards\.short: it returned 1 values for 32"):
        reinforce.main(rl_job("grpo", max_steps=1, **function("short")))


def test_prompts_leave_room_for_completions(rl_job: Callable[..., Job]) -> None:
    own = rl_job("grpo", max_length=7, **function("vowels"))
    with pytest.raises(
        JobFailure, match=r"max_length: 8 of 8 prompts have more than 3 tokens.*Use max_length: 1\d"
    ):
        reinforce.main(own)
