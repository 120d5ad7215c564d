"""How the next token is chosen of a model's logits, for each sequence of a batch.

The order is that of transformers' `generate`: repetition penalty, temperature, top-k, top-p.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training_scripts.container import fail

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_MANTISSA_BITS = 53
_LEAST = {
    "max_new_tokens": 1,
    "num_return_sequences": 1,
    "per_device_eval_batch_size": 1,
    "temperature": 0,
    "top_k": 0,
}


@dataclass(frozen=True)
class Decoding:
    """How completions are made; names as in transformers' `GenerationConfig`."""

    max_new_tokens: int
    max_length: int = sys.maxsize
    """Tokens of prompt and completion together."""
    temperature: float = 0.0
    """0 takes the likeliest token each time."""
    top_k: int = 0
    """0 for all tokens."""
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    num_return_sequences: int = 1
    stop_strings: tuple[str, ...] = ()
    seed: int = 42


def decoding_from(settings: Mapping[str, Any]) -> Decoding:
    """Return how completions are made; JobFailure for a value that makes no sense."""
    temperature = settings["temperature"]
    if temperature is None or settings["do_sample"] is False:
        temperature = 1.0 if settings["do_sample"] else 0.0
    values = {**settings, "temperature": temperature}
    for name, lowest in _LEAST.items():
        if values[name] < lowest:
            fail(f"{name}: has to be at least {lowest}, found {values[name]}.")
    if settings["repetition_penalty"] <= 0:
        fail(f"repetition_penalty: has to be above 0, found {settings['repetition_penalty']}.")
    if not 0 < settings["top_p"] <= 1:
        fail(f"top_p: has to be above 0 and at most 1, found {settings['top_p']}. Write 0.95.")
    if temperature == 0 and settings["num_return_sequences"] > 1:
        fail(
            "num_return_sequences: at temperature 0 all completions of a prompt would be the "
            "same. Write temperature: 0.8, for example."
        )
    return Decoding(
        max_new_tokens=settings["max_new_tokens"],
        max_length=settings["max_length"] or sys.maxsize,
        temperature=temperature,
        top_k=settings["top_k"],
        top_p=settings["top_p"],
        repetition_penalty=settings["repetition_penalty"],
        num_return_sequences=settings["num_return_sequences"],
        stop_strings=tuple(settings["stop_strings"]),
        seed=settings["seed"],
    )


def uniforms(seed: int, row: int, sequence: int, count: int) -> NDArray[np.float64]:
    """Return (count,) numbers from 0 to below 1 that belong to one completion of one row.

    They depend on nothing else: not on the batch, the machine or the version of a library.
    """
    content = hashlib.shake_256(f"{seed}/{row}/{sequence}".encode()).digest(8 * count)
    whole = np.frombuffer(content, dtype="<u8") >> np.uint64(64 - _MANTISSA_BITS)
    return np.asarray(whole * 2.0**-_MANTISSA_BITS)


def next_tokens(logits: Any, seen: Any, draws: Any, decoding: Decoding) -> Any:
    """Return (sequence,) token ids.

    Args:
        logits: (sequence, vocabulary)
        seen: (sequence, vocabulary), True for tokens of the prompt or the completion so far;
            None without a repetition penalty.
        draws: (sequence,) uniform numbers in float64; None at temperature 0.
        decoding: How to choose.
    """
    scores = logits.float()
    if seen is not None:
        scores = penalised(scores, seen, decoding.repetition_penalty)
    if decoding.temperature == 0:
        return scores.argmax(dim=-1)
    scores = scores / decoding.temperature
    if decoding.top_k:
        scores = top_k(scores, decoding.top_k)
    if decoding.top_p < 1:
        scores = top_p(scores, decoding.top_p)
    return drawn(scores, draws)


def penalised(scores: Any, seen: Any, penalty: float) -> Any:
    """Return the scores with those of seen tokens made smaller (CTRL, section 4.1)."""
    lowered = scores.where(scores >= 0, scores * penalty).where(scores < 0, scores / penalty)
    return lowered.where(seen, scores)


def top_k(scores: Any, count: int) -> Any:
    """Return the scores with all below the `count` highest at minus infinity."""
    least = scores.topk(min(count, scores.shape[-1]), dim=-1).values[..., -1:]
    return scores.masked_fill(scores < least, -float("inf"))


def top_p(scores: Any, share: float) -> Any:
    """Return the scores with all at minus infinity but the highest that together have `share`."""
    ascending, order = scores.sort(dim=-1)
    removed = ascending.softmax(dim=-1).cumsum(dim=-1) <= 1 - share
    removed[..., -1] = False
    return scores.masked_fill(removed.scatter(-1, order, removed), -float("inf"))


def drawn(scores: Any, draws: Any) -> Any:
    """Return the token of each sequence at which its uniform number falls."""
    import torch

    # In float64: the sum of a large vocabulary must not blur which token a number falls on.
    heights = scores.double().softmax(dim=-1).cumsum(dim=-1)
    places = torch.searchsorted(heights, (draws * heights[:, -1])[:, None], right=True)
    return places[:, 0].clamp(max=scores.shape[-1] - 1)
