from __future__ import annotations

import math

import pytest

from training_scripts.training.schedule import count_steps, learning_rate_factor


@pytest.mark.train
@pytest.mark.parametrize("name", ["cosine", "linear", "constant", "constant_with_warmup"])
@pytest.mark.parametrize(("total", "warmup"), [(1, 0.0), (20, 0.03), (50, 0.1), (7, 0.0), (10, 1)])
def test_the_learning_rate_is_that_of_transformers(name: str, total: int, warmup: float) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    oracle = transformers.get_scheduler(
        name, optimizer, num_warmup_steps=math.ceil(total * warmup), num_training_steps=total
    )
    for step in range(total):
        ours = learning_rate_factor(name, step, total_steps=total, warmup_ratio=warmup)
        assert ours == pytest.approx(oracle.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        oracle.step()


def test_max_steps_wins_over_epochs() -> None:
    assert count_steps(100, 10, epochs=3.0, max_steps=7) == 7


def test_an_epoch_s_last_batch_may_be_smaller() -> None:
    assert count_steps(21, 10, epochs=2.0, max_steps=-1) == 6


def test_part_of_an_epoch_is_at_least_one_step() -> None:
    assert count_steps(4, 10, epochs=0.1, max_steps=-1) == 1
