"""Greedy completions, a batch at a time, each token computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training_scripts.evaluation.language_model import (
    batches_of_like_length,
    left_padded,
    positions,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from training_scripts.evaluation.language_model import LanguageModel


def generate(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    batch_size: int,
    on_batch: Callable[[int], None] = lambda _tokens: None,
) -> list[list[int]]:
    """Return the most likely next tokens of each prompt, without the token that ends them.

    Equal to `model.generate(do_sample=False)` on each prompt alone.

    Args:
        model: The model asked.
        prompts: Token ids, at least one a prompt.
        max_new_tokens: Tokens after which a completion is cut.
        batch_size: Prompts at a time.
        on_batch: Called after each batch with the tokens it took.
    """
    completions: list[list[int]] = [[] for _ in prompts]
    for rows in batches_of_like_length([len(prompt) for prompt in prompts], batch_size):
        found = _generate_batch(model, [prompts[row] for row in rows], max_new_tokens)
        for row, completion in zip(rows, found, strict=True):
            completions[row] = completion
        on_batch(sum(len(prompts[row]) + len(completions[row]) for row in rows))
    return completions


def _generate_batch(
    model: LanguageModel, prompts: Sequence[Sequence[int]], max_new_tokens: int
) -> list[list[int]]:
    import torch

    ends = torch.tensor(model.end_ids, device=model.device)
    # Padding is masked; any token serves, and not every tokenizer has one for it.
    input_ids, mask = left_padded(prompts, model.end_ids[0], model.device)
    running = torch.ones(len(prompts), dtype=torch.bool, device=model.device)
    cache, tokens = None, []
    with torch.inference_mode():
        for _ in range(max_new_tokens):
            output = model.model(
                input_ids=input_ids,
                attention_mask=mask,
                position_ids=positions(mask)[:, -input_ids.shape[1] :],
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            chosen = output.logits[:, -1].argmax(dim=-1)
            running &= ~torch.isin(chosen, ends)
            tokens.append(torch.where(running, chosen, -1))
            if not running.any():
                break
            cache, input_ids = output.past_key_values, chosen[:, None]
            mask = torch.cat([mask, mask.new_ones((len(prompts), 1))], dim=1)
    table = torch.stack(tokens, dim=1).tolist() if tokens else [[] for _ in prompts]
    return [[token for token in row if token >= 0] for row in table]
