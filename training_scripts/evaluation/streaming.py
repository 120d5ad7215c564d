"""One model's answer to one prompt, token by token, and as text while it grows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training_scripts.evaluation.language_model import LanguageModel

_HALF_CHARACTER = "\ufffd"
"""What the bytes of a character decode to before all of them are there."""


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen."""

    max_new_tokens: int
    temperature: float = 0.0
    """0 takes the likeliest token each time."""
    seed: int = 42


def stream(model: LanguageModel, prompt: Sequence[int], sampling: Sampling) -> Iterator[int]:
    """Yield the answer's tokens, without the one that ends it.

    At temperature 0 equal to `model.generate(do_sample=False)`.
    """
    import torch

    generator = torch.Generator().manual_seed(sampling.seed)
    ends = set(model.end_ids)
    input_ids = torch.tensor([list(prompt)], device=model.device)
    cache = None
    for _ in range(sampling.max_new_tokens):
        # Around each step alone: between two of them another model may be asked.
        with torch.inference_mode():
            output = model.model(
                input_ids=input_ids, past_key_values=cache, use_cache=True, logits_to_keep=1
            )
            token = _chosen(output.logits[0, -1], sampling.temperature, generator)
        if token in ends:
            return
        yield token
        cache = output.past_key_values
        input_ids = torch.tensor([[token]], device=model.device)


class GrowingText:
    """Tokens as text; a character is shown once all its bytes are there."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._shown = ""

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def text(self) -> str:
        """All of it."""
        return str(self._tokenizer.decode(self._ids, skip_special_tokens=True))

    def add(self, token: int) -> str:
        """Return what the token adds to what was shown."""
        self._ids.append(token)
        text = self.text
        if text.endswith(_HALF_CHARACTER) or not text.startswith(self._shown):
            return ""
        added, self._shown = text[len(self._shown) :], text
        return added


def _chosen(logits: Any, temperature: float, generator: Any) -> int:
    import torch

    if temperature == 0:
        return int(logits.argmax())
    # On the CPU, so that one seed gives one answer on every machine.
    weights = torch.softmax(logits.float().cpu() / temperature, dim=-1)
    return int(torch.multinomial(weights, 1, generator=generator))
