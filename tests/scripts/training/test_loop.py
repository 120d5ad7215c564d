from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from orchestrator.spec.train import TrainSpec  # noqa: E402
from training_scripts.checkpoints.store import CheckpointStore  # noqa: E402
from training_scripts.container import JobFailure  # noqa: E402
from training_scripts.data.packing import PackedSequences, pack  # noqa: E402
from training_scripts.data.tokenized import TokenizedRows  # noqa: E402
from training_scripts.training.batches import batch_of_step  # noqa: E402
from training_scripts.training.devices import World  # noqa: E402
from training_scripts.training.job import naming_lack_of_memory  # noqa: E402
from training_scripts.training.loop import Interrupted, Run, train, validate  # noqa: E402
from training_scripts.training.model import make_model, prepare_model  # noqa: E402
from training_scripts.training.objectives.next_token import NextToken  # noqa: E402
from training_scripts.training.optimizer import MasterAdamW  # noqa: E402
from training_scripts.training.settings import (  # noqa: E402
    TrainSettings,
    accumulation_steps,
    read_settings,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.train
CPU = torch.device("cpu")
SHAPE = {
    "model_type": "llama",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


class Tokens:
    bos_token_id, eos_token_id, pad_token_id = None, 0, 0

    def __len__(self) -> int:
        return 40


def rows(lengths: list[int]) -> PackedSequences:
    generator = np.random.default_rng(0)
    total = sum(lengths)
    ids = (np.arange(total) % 7 + generator.integers(0, 2, total)).astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    in_loss = generator.random(total) < 0.7
    names = tuple(str(number) for number in range(len(lengths)))
    return pack(TokenizedRows(ids, in_loss, offsets, names), 32)


def values_of(**fields: Any) -> dict[str, Any]:
    values = {"architecture": SHAPE, "tokenizer": {}, "max_length": 32, "learning_rate": 3e-3}
    spec = TrainSpec.model_validate({"objective": "pretrain", "data": "$split", **values, **fields})
    return spec.model_dump(mode="json")


def settings(**fields: Any) -> TrainSettings:
    return read_settings(values_of(**fields))


def run(tmp_path: Path, own: TrainSettings, **fields: Any) -> Run:
    model = prepare_model(make_model(SHAPE, Tokens(), 0), own, CPU)
    values: dict[str, Any] = {
        "model": model,
        "train": rows([9, 17, 5, 32, 3, 11, 20, 8, 30, 2, 13, 19] * 2),
        "validation": rows([9, 8, 30]),
        "settings": own,
        "objective": NextToken(),
        "dtype": torch.float32,
        "world": World(0, 1, CPU),
        "checkpoints": CheckpointStore(tmp_path / "checkpoints", keep=2),
        "clock": itertools.count().__next__,
        "stop_requested": lambda: False,
    }
    return Run(**(values | fields))


def weights(model: Any) -> Any:
    return torch.cat([parameter.detach().reshape(-1) for parameter in model.parameters()])


def test_the_loss_falls(tmp_path: Path) -> None:
    own = run(tmp_path, settings(max_steps=40, learning_rate=1e-2))
    before = validate(own, own.train)
    train(own)
    after = validate(own, own.train)
    assert after["loss"] < 0.6 * before["loss"]
    assert after["accuracy"] > 0.3


def test_accumulated_micro_batches_take_the_step_of_one_batch(tmp_path: Path) -> None:
    found = []
    for size, steps in ((4, 1), (1, 4), (2, 2)):
        own = run(
            tmp_path / f"{size}",
            settings(
                max_steps=5, per_device_train_batch_size=size, gradient_accumulation_steps=steps
            ),
        )
        train(own)
        found.append(weights(own.model))
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found[0], found[2], atol=1e-5, rtol=1e-4)


def test_steps_are_those_of_torch_s_adamw_with_clipping(tmp_path: Path) -> None:
    own = settings(weight_decay=0.1, max_grad_norm=0.5)
    ours, theirs = (run(tmp_path, own).model for _ in range(2))
    decayed = [p for p in theirs.parameters() if p.ndim >= 2]
    spared = [p for p in theirs.parameters() if p.ndim < 2]
    oracle = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": spared, "weight_decay": 0.0}],
        betas=(0.9, 0.999),
    )
    optimizer = MasterAdamW(ours, torch.float32, own)
    for step in range(4):
        generator = torch.Generator().manual_seed(step)
        for mine, reference in zip(ours.parameters(), theirs.parameters(), strict=True):
            reference.grad = torch.randn(reference.shape, generator=generator)
            mine.grad.add_(reference.grad)
        norm = torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
        oracle.param_groups[0]["lr"] = oracle.param_groups[1]["lr"] = 1e-2
        oracle.step()
        assert optimizer.step(1e-2, World(0, 1, CPU)) == pytest.approx(norm.item(), rel=1e-5)
    torch.testing.assert_close(weights(ours), weights(theirs), atol=1e-6, rtol=1e-5)


def test_bfloat16_weights_follow_float32_masters(tmp_path: Path) -> None:
    own = run(tmp_path, settings(max_steps=3), dtype=torch.bfloat16)
    trained = train(own)
    for name, parameter in own.model.named_parameters():
        assert parameter.dtype is torch.bfloat16
        assert trained.master_weights[name].dtype is torch.float32
        assert torch.equal(trained.master_weights[name].bfloat16(), parameter)


def test_a_run_stopped_and_resumed_ends_with_the_same_bits(tmp_path: Path) -> None:
    own = settings(max_steps=9, save_steps=4, eval_steps=3)
    whole = run(tmp_path / "whole", own, dtype=torch.bfloat16)
    expected = train(whole)
    calls = itertools.count()
    stopped = run(
        tmp_path / "cut", own, dtype=torch.bfloat16, stop_requested=lambda: next(calls) >= 6
    )
    with pytest.raises(Interrupted):
        train(stopped)
    resumed = train(run(tmp_path / "cut", own, dtype=torch.bfloat16))
    for name, weight in expected.master_weights.items():
        assert torch.equal(weight, resumed.master_weights[name])
    assert [row.get("loss") for row in resumed.history.rows] == [
        row.get("loss") for row in expected.history.rows
    ]


class WithAHostAhead(World):
    """Two processes, of which the other has found a checkpoint after step 4."""

    def sum(self, tensor: Any) -> None:
        tensor[1] = 4


def test_processes_that_found_different_checkpoints_do_not_go_on(tmp_path: Path) -> None:
    own = run(tmp_path, settings(max_steps=3), world=WithAHostAhead(0, 2, CPU))
    with pytest.raises(JobFailure, match=r"found different ones \(steps 0, 4\)\. Remove the run's"):
        train(own)


def test_a_loss_that_is_not_finite_ends_the_run_with_a_reason(tmp_path: Path) -> None:
    own = run(tmp_path, settings(max_steps=3))
    with torch.no_grad():
        next(iter(own.model.parameters())).fill_(float("nan"))
    with pytest.raises(JobFailure, match=r"step 1: the loss is nan. Lower learning_rate"):
        train(own)


def test_every_sequence_is_seen_once_per_epoch() -> None:
    for epoch in range(2):
        seen = [s for step in range(3) for s in batch_of_step(11, 4, 3 * epoch + step, seed=1)]
        assert sorted(seen) == list(range(11))
    assert batch_of_step(11, 4, 0, seed=1) != batch_of_step(11, 4, 3, seed=1)


def test_the_global_batch_must_be_whole_micro_batches() -> None:
    own = settings(global_batch_size=60, per_device_train_batch_size=2)
    with pytest.raises(JobFailure, match=r"60 is not a multiple of 16 \(2 per device x 8 devices"):
        accumulation_steps(own, world_size=8)
    assert accumulation_steps(own, world_size=3) == 10


def test_all_settings_out_of_range_are_named_at_once() -> None:
    values = values_of() | {"max_steps": 0, "max_length": -4, "learning_rate": -1.0}
    with pytest.raises(JobFailure) as failure:
        read_settings(values)
    text = str(failure.value)
    assert "max_steps: 0 optimizer steps train nothing" in text
    assert "max_length: -4 is not above 0" in text
    assert "learning_rate: -1.0 is negative" in text


def test_missing_settings_are_named() -> None:
    values = values_of()
    del values["seed"]
    with pytest.raises(JobFailure, match="settings: seed missing"):
        read_settings(values)


def run_out(error: Exception) -> None:
    with naming_lack_of_memory(settings()):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        MemoryError(),
    ],
)
def test_running_out_of_memory_says_what_to_change(error: Exception) -> None:
    with pytest.raises(JobFailure, match="out of memory with per_device_train_batch_size 8"):
        run_out(error)


def test_other_errors_keep_their_traceback() -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        run_out(RuntimeError("shapes do not fit"))
