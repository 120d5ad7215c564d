"""Which token is chosen: as transformers would, and drawn by numbers of the row's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from training_scripts.container import JobFailure
from training_scripts.evaluation.sampling import (
    Decoding,
    decoding_from,
    drawn,
    next_tokens,
    penalised,
    top_k,
    top_p,
    uniforms,
)
from training_scripts.generate import DEFAULTS

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def logits() -> Any:
    import torch  # noqa: PLC0415

    found = 4 * torch.randn((7, 90), generator=torch.Generator().manual_seed(3))
    found[0, :5] = 6.0  # Equal ones, and a sequence that is sure of one token.
    found[1, 8] = 80.0
    return found


@pytest.mark.parametrize("count", [1, 3, 40, 1000])
def test_top_k_is_that_of_transformers(logits: Any, count: int) -> None:
    import torch  # noqa: PLC0415
    from transformers import TopKLogitsWarper  # noqa: PLC0415

    expected = TopKLogitsWarper(count)(torch.empty(0), logits.clone())
    assert torch.equal(top_k(logits, count), expected)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.999])
def test_top_p_is_that_of_transformers(logits: Any, share: float) -> None:
    import torch  # noqa: PLC0415
    from transformers import TopPLogitsWarper  # noqa: PLC0415

    expected = TopPLogitsWarper(share)(torch.empty(0), logits.clone())
    assert torch.equal(top_p(logits, share), expected)


@pytest.mark.parametrize("penalty", [0.7, 1.3])
def test_the_repetition_penalty_is_that_of_transformers(logits: Any, penalty: float) -> None:
    import torch  # noqa: PLC0415
    from transformers import RepetitionPenaltyLogitsProcessor  # noqa: PLC0415

    read = torch.tensor([[1, 2, 2, 60, 8]] * len(logits))
    expected = RepetitionPenaltyLogitsProcessor(penalty)(read, logits.clone())
    seen = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, read, value=True)
    assert torch.allclose(penalised(logits, seen, penalty), expected, rtol=1e-6)


def test_the_filters_follow_each_other_as_in_transformers(logits: Any) -> None:
    import torch  # noqa: PLC0415
    from transformers import (  # noqa: PLC0415
        LogitsProcessorList,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    chain = LogitsProcessorList(
        [TemperatureLogitsWarper(1.7), TopKLogitsWarper(20), TopPLogitsWarper(0.8)]
    )
    allowed = chain(torch.empty(0, dtype=torch.long), logits.clone()).isfinite()
    decoding = Decoding(1, temperature=1.7, top_k=20, top_p=0.8)
    reached = torch.zeros_like(allowed)
    for number in np.linspace(0, 1 - 1e-12, 4000):
        draws = torch.full((len(logits),), number, dtype=torch.float64)
        reached.scatter_(1, next_tokens(logits, None, draws, decoding)[:, None], value=True)
    assert not (reached & ~allowed).any()
    likely = (logits / 1.7).softmax(-1) > 1e-3
    assert torch.equal(reached & likely, allowed & likely)


def test_tokens_are_drawn_as_often_as_they_are_likely(logits: Any) -> None:
    import torch  # noqa: PLC0415

    numbers = torch.from_numpy(uniforms(0, 0, 0, 20_000).copy())
    chances = logits[2].double().softmax(-1)
    found = drawn(logits[2].expand(len(numbers), -1), numbers).bincount(minlength=90)
    assert float((found / len(numbers) - chances).abs().max()) < 0.01


def test_numbers_belong_to_seed_row_and_sequence_alone() -> None:
    first = uniforms(1, 2, 3, 8)
    assert np.array_equal(first, uniforms(1, 2, 3, 100)[:8])
    others = [uniforms(*key, 8) for key in ((0, 2, 3), (1, 0, 3), (1, 2, 0), (12, 3, 0))]
    assert all(not np.array_equal(first, other) for other in others)
    many = uniforms(5, 0, 0, 50_000)
    assert 0 <= many.min() < 1e-3
    assert 1 - 1e-3 < many.max() < 1
    assert abs(many.mean() - 0.5) < 0.01


def test_numbers_are_the_same_on_every_machine() -> None:
    assert uniforms(42, 0, 0, 2).tolist() == [0.6365249472485973, 0.8362636563710664]


@pytest.mark.parametrize(
    ("settings", "temperature"),
    [
        ({}, 0.0),
        ({"temperature": 0.7}, 0.7),
        ({"do_sample": True}, 1.0),
        ({"do_sample": True, "temperature": 0.2}, 0.2),
        ({"do_sample": False, "temperature": 0.7}, 0.0),
    ],
)
def test_a_temperature_above_0_or_do_sample_asks_for_draws(
    settings: dict[str, Any], temperature: float
) -> None:
    assert decoding_from(DEFAULTS | settings).temperature == temperature


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens: has to be at least 1, found 0."),
        ({"per_device_eval_batch_size": 0}, "per_device_eval_batch_size: has to be at least 1"),
        ({"top_k": -1}, "top_k: has to be at least 0, found -1."),
        ({"temperature": -0.5}, "temperature: has to be at least 0, found -0.5."),
        ({"top_p": 1.5}, "top_p: has to be above 0 and at most 1, found 1.5. Write 0.95."),
        ({"repetition_penalty": 0}, "repetition_penalty: has to be above 0, found 0."),
        ({"num_return_sequences": 2}, "at temperature 0 all completions of a prompt would be the"),
    ],
)
def test_a_value_that_a_parameter_brought_is_checked_again(
    settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(JobFailure) as failure:
        decoding_from(DEFAULTS | settings)
    assert said in str(failure.value)
