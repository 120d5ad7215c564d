"""Completions, a batch at a time, each token computed once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from training_scripts.evaluation.language_model import (
    batches_of_like_length,
    left_padded,
    positions,
)
from training_scripts.evaluation.sampling import Decoding, next_tokens, uniforms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from training_scripts.evaluation.language_model import LanguageModel

FinishReason = Literal["stop", "length"]
"""`stop` at an end token or a stop string, `length` where no more tokens were allowed."""

_TEXTLESS_TOKENS = 16
"""Special tokens that may stand within a stop string."""


@dataclass(frozen=True)
class Completion:
    """What a model wrote after a prompt."""

    tokens: tuple[int, ...]
    """Without the token that ends it."""
    text: str
    """Up to the stop string that ended it."""
    finish_reason: FinishReason


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
    decoding = Decoding(max_new_tokens)
    completions: list[list[int]] = [[] for _ in prompts]
    for rows in batches_of_like_length([len(prompt) for prompt in prompts], batch_size):
        found = complete_batch(model, [prompts[row] for row in rows], rows, decoding)
        for row, (completion,) in zip(rows, found, strict=True):
            completions[row] = list(completion.tokens)
        on_batch(sum(len(prompts[row]) + len(completions[row]) for row in rows))
    return completions


def complete_batch(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    rows: Sequence[int],
    decoding: Decoding,
) -> list[list[Completion]]:
    """Return `num_return_sequences` completions of each prompt.

    Args:
        model: The model asked.
        prompts: Token ids, at least one a prompt and fewer than `max_length`.
        rows: The number of each prompt's row; it and the seed decide what is drawn.
        decoding: How tokens are chosen.
    """
    import torch

    count = decoding.num_return_sequences
    writings = [
        _Writing.of(model, row, sequence, len(prompt), decoding)
        for row, prompt in zip(rows, prompts, strict=True)
        for sequence in range(count)
    ]
    with torch.inference_mode():
        batch, running = _Batch.of(model, prompts, decoding), writings
        while running:
            chosen = batch.next_tokens([writing.next_draw() for writing in running])
            going_on = [
                place
                for place, (writing, token) in enumerate(zip(running, chosen, strict=True))
                if writing.add(token)
            ]
            running = [running[place] for place in going_on]
            if running:
                batch.read([chosen[place] for place in going_on], going_on)
    completions = [writing.completion() for writing in writings]
    return [completions[start : start + count] for start in range(0, len(completions), count)]


@dataclass
class _Writing:
    """One completion while it grows."""

    tokenizer: Any
    ends: frozenset[int]
    stop_strings: tuple[str, ...]
    limit: int
    """Tokens that it may have."""
    draws: Any
    """(limit,) uniform numbers; None at temperature 0."""
    tokens: list[int] = field(default_factory=list)
    finish_reason: FinishReason = "length"

    @classmethod
    def of(
        cls, model: LanguageModel, row: int, sequence: int, prompt_length: int, decoding: Decoding
    ) -> _Writing:
        limit = min(decoding.max_new_tokens, decoding.max_length - prompt_length)
        draws = None
        if decoding.temperature > 0:
            draws = uniforms(decoding.seed, row, sequence, limit)
        ends = frozenset(model.end_ids)
        return cls(model.tokenizer, ends, decoding.stop_strings, limit, draws)

    def next_draw(self) -> float:
        """Return the number that the next token is drawn with."""
        return 0.0 if self.draws is None else float(self.draws[len(self.tokens)])

    def add(self, token: int) -> bool:
        """Take the next token; return whether another may follow."""
        if token in self.ends:
            self.finish_reason = "stop"
            return False
        self.tokens.append(token)
        if self.stop_strings and self._ends_with_stop_string():
            self.finish_reason = "stop"
            return False
        return len(self.tokens) < self.limit

    def completion(self) -> Completion:
        """Return what was written."""
        text = self._decoded(self.tokens)
        found = [at for at in map(text.find, self.stop_strings) if at >= 0]
        return Completion(
            tuple(self.tokens), text[: min(found, default=len(text))], self.finish_reason
        )

    def _ends_with_stop_string(self) -> bool:
        # The last tokens will do: each has a byte of text at least, save special ones.
        longest = max(len(stop.encode()) for stop in self.stop_strings)
        text = self._decoded(self.tokens[-longest - _TEXTLESS_TOKENS :])
        return any(stop in text for stop in self.stop_strings)

    def _decoded(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True))


@dataclass
class _Batch:
    """What the model has read of the sequences that still run."""

    model: LanguageModel
    decoding: Decoding
    mask: Any
    """(sequence, token read), 0 for padding."""
    logits: Any
    """(sequence, vocabulary) of the next token."""
    cache: Any
    seen: Any
    """(sequence, vocabulary), True for tokens read; None without a repetition penalty."""

    @classmethod
    def of(
        cls, model: LanguageModel, prompts: Sequence[Sequence[int]], decoding: Decoding
    ) -> _Batch:
        """Read the prompts, each once however many completions it gets."""
        import torch

        # Padding is masked; any token serves, and not every tokenizer has one for it.
        input_ids, mask = left_padded(prompts, model.end_ids[0], model.device)
        logits, cache = _forward(model, input_ids, mask, None)
        seen = None
        if decoding.repetition_penalty != 1:
            seen = torch.zeros_like(logits, dtype=torch.bool)
            for number, prompt in enumerate(prompts):
                seen[number, list(set(prompt))] = True
        batch = cls(model, decoding, mask, logits, cache, seen)
        if decoding.num_return_sequences > 1:
            batch._repeat(decoding.num_return_sequences)
        return batch

    def next_tokens(self, draws: Sequence[float]) -> list[int]:
        """Return the next token of each sequence, chosen with its number."""
        import torch

        numbers = None
        if self.decoding.temperature > 0:
            numbers = torch.tensor(draws, dtype=torch.float64, device=self.model.device)
        tokens: list[int] = next_tokens(self.logits, self.seen, numbers, self.decoding).tolist()
        return tokens

    def read(self, tokens: Sequence[int], going_on: Sequence[int]) -> None:
        """Read one more token of each sequence that goes on, and forget the others."""
        import torch

        if len(going_on) < len(self.mask):
            self._keep(torch.tensor(going_on, device=self.model.device))
        input_ids = torch.tensor(tokens, device=self.model.device)[:, None]
        if self.seen is not None:
            self.seen.scatter_(1, input_ids, value=True)
        self.mask = torch.cat([self.mask, torch.ones_like(input_ids)], dim=1)
        self.logits, self.cache = _forward(self.model, input_ids, self.mask, self.cache)

    def _repeat(self, count: int) -> None:
        self.cache.batch_repeat_interleave(count)
        self.mask = self.mask.repeat_interleave(count, dim=0)
        self.logits = self.logits.repeat_interleave(count, dim=0)
        self.seen = None if self.seen is None else self.seen.repeat_interleave(count, dim=0)

    def _keep(self, places: Any) -> None:
        self.cache.batch_select_indices(places)
        self.mask = self.mask[places]
        self.seen = None if self.seen is None else self.seen[places]


def _forward(model: LanguageModel, input_ids: Any, mask: Any, cache: Any) -> tuple[Any, Any]:
    """Return the next token's logits (sequence, vocabulary) and the cache."""
    output = model.model(
        input_ids=input_ids,
        attention_mask=mask,
        position_ids=positions(mask)[:, -input_ids.shape[1] :],
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    return output.logits[:, -1], output.past_key_values
