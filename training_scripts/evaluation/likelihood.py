"""How likely a model finds texts: the loss of completions, the likeliest of known answers."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training_scripts.evaluation.language_model import (
    batches_of_like_length,
    left_padded,
    positions,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from training_scripts.evaluation.language_model import LanguageModel


@dataclass(frozen=True)
class Loss:
    """The cross-entropy of one completion."""

    nats: float
    """Summed over its tokens."""
    tokens: int


def completion_losses(
    model: LanguageModel,
    rows: Sequence[tuple[Sequence[int], Sequence[int]]],
    *,
    batch_size: int,
    on_batch: Callable[[int], None] = lambda _tokens: None,
) -> list[Loss]:
    """Return the loss of each row's labelled tokens.

    Args:
        model: The model asked.
        rows: Input ids and labels of each row, of one length; -100 where no loss is taken.
        batch_size: Rows at a time.
        on_batch: Called after each batch with the tokens it took.
    """
    losses = [Loss(0.0, 0)] * len(rows)
    for numbers in batches_of_like_length([len(ids) for ids, _ in rows], batch_size):
        found = _losses([rows[number] for number in numbers], model)
        for number, loss in zip(numbers, found, strict=True):
            losses[number] = loss
        on_batch(sum(len(rows[number][0]) for number in numbers))
    return losses


def answer_log_likelihoods(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    answers: Sequence[Sequence[int]],
    *,
    batch_size: int,
    on_batch: Callable[[int], None] = lambda _tokens: None,
) -> list[list[float]]:
    """Return for each prompt the log-likelihood of each answer.

    Summed over the answer's tokens, its end of text among them, and not divided by their number:
    answers that end exclude each other, so the largest is the likeliest answer as a whole.
    Dividing would favour long answers.

    Args:
        model: The model asked.
        prompts: Token ids, at least one a prompt.
        answers: Token ids of every possible completion.
        batch_size: Prompts at a time.
        on_batch: Called after each batch with the tokens it took.
    """
    scores: list[list[float]] = [[] for _ in prompts]
    for numbers in batches_of_like_length([len(prompt) for prompt in prompts], batch_size):
        batch = [prompts[number] for number in numbers]
        for number, found in zip(numbers, _score_answers(batch, answers, model), strict=True):
            scores[number] = found
        on_batch(sum(map(len, batch)) + len(batch) * sum(map(len, answers)))
    return scores


def _losses(
    rows: Sequence[tuple[Sequence[int], Sequence[int]]], model: LanguageModel
) -> list[Loss]:
    import torch

    input_ids, mask = left_padded([ids for ids, _ in rows], model.end_ids[0], model.device)
    labels = torch.full(input_ids.shape, -100, device=model.device)
    for number, (_, own) in enumerate(rows):
        labels[number, -len(own) :] = torch.tensor(own, device=model.device)
    # Only positions from the first label on need the wide output layer.
    kept = int((labels != -100).any(dim=0).flip(0).nonzero().max()) + 2
    _tell_prompts(model, labels, mask)
    with torch.inference_mode():
        logits = model.model(
            input_ids=input_ids,
            attention_mask=mask,
            position_ids=positions(mask),
            logits_to_keep=min(kept, input_ids.shape[1]),
        ).logits
    targets = labels[:, -(logits.shape[1] - 1) :]
    losses = torch.nn.functional.cross_entropy(
        logits[:, :-1].float().transpose(1, 2), targets, ignore_index=-100, reduction="none"
    )
    counts = (targets != -100).sum(dim=1).tolist()
    return [Loss(nats, count) for nats, count in zip(losses.sum(1).tolist(), counts, strict=True)]


def _tell_prompts(model: LanguageModel, labels: Any, mask: Any) -> None:
    """Tell a model with interventions (ReFT) where prompts end: before the first label."""
    reft = getattr(model.model, "reft", None)
    if reft is None:
        return
    width = mask.shape[1]
    starts = (width - mask.sum(dim=1)).tolist()
    ends = (labels != -100).int().argmax(dim=1).tolist()
    offsets = [row * width + start for row, start in enumerate(starts)]
    lengths = [end - start for start, end in zip(starts, ends, strict=True)]
    reft.tell_prompts(offsets, lengths, model.device)


def _score_answers(
    prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], model: LanguageModel
) -> list[list[float]]:
    import torch

    input_ids, mask = left_padded(prompts, model.end_ids[0], model.device)
    with torch.inference_mode():
        asked = model.model(
            input_ids=input_ids,
            attention_mask=mask,
            position_ids=positions(mask),
            use_cache=True,
            logits_to_keep=1,
        )
        first = asked.logits[:, -1].float().log_softmax(dim=-1)
        columns = [
            # Each answer gets a copy: a cache grows in place, and those of sliding-window models
            # cannot be cut back.
            _continue(model, copy.deepcopy(asked.past_key_values), mask, first, answer)
            for answer in answers
        ]
    return torch.stack(columns, dim=1).tolist()


def _continue(
    model: LanguageModel, cache: Any, mask: Any, first: Any, answer: Sequence[int]
) -> Any:
    """(batch,): the log-likelihood of `answer` after what `cache` holds."""
    import torch

    score = first[:, answer[0]]
    if len(answer) == 1:
        return score
    fed = torch.tensor(answer[:-1], device=model.device).expand(len(mask), -1)
    longer = torch.cat([mask, mask.new_ones(fed.shape)], dim=1)
    logits = model.model(
        input_ids=fed,
        attention_mask=longer,
        position_ids=positions(longer)[:, -fed.shape[1] :],
        past_key_values=cache,
        use_cache=True,
    ).logits
    targets = torch.tensor(answer[1:], device=model.device).expand(len(mask), -1)
    chosen = logits.float().log_softmax(dim=-1).gather(2, targets[:, :, None])
    return score + chosen.sum(dim=(1, 2))
