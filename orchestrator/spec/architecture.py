"""A model from scratch: its shape, and a tokenizer of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, Strict

from orchestrator.spec.fields import Broken, Count, Flag, Positive, SpecModel


class ArchitectureSpec(SpecModel):
    """The shape of a model trained from scratch; names as in transformers' `LlamaConfig`."""

    model_type: Literal["llama", "qwen3", "mistral"] = "llama"
    """The family."""
    hidden_size: Count = 256
    """Width of the residual stream."""
    intermediate_size: Count = 688
    """Width of each feed-forward layer."""
    num_hidden_layers: Count = 6
    """Layers."""
    num_attention_heads: Count = 8
    """Query heads per layer."""
    num_key_value_heads: Count | None = None
    """Key and value heads per layer; unset: as many as query heads."""
    max_position_embeddings: Count = 2048
    """Tokens that the model can ever see at once."""
    rope_theta: Positive = 10_000.0
    """Base of the rotary position embedding."""
    tie_word_embeddings: Flag = True
    """Whether input and output embeddings are one matrix."""

    def broken_rules(self) -> Iterator[Broken]:
        """Yield sizes that do not divide."""
        hidden, heads = self.hidden_size, self.num_attention_heads
        if hidden % (2 * heads):
            near = max(round(hidden / (2 * heads)), 1) * 2 * heads
            yield Broken(
                "hidden_size",
                f"{hidden} is not an even multiple of num_attention_heads ({heads})",
                f"Write {near}.",
            )
        if self.num_key_value_heads and heads % self.num_key_value_heads:
            choices = ", ".join(str(n) for n in range(1, heads + 1) if heads % n == 0)
            yield Broken(
                "num_key_value_heads",
                f"{self.num_key_value_heads} does not divide num_attention_heads ({heads})",
                f"Write one of {choices}.",
            )


class TokenizerSpec(SpecModel):
    """A byte-level BPE tokenizer trained on the step's own data."""

    # 256 bytes and the special tokens must fit.
    vocab_size: Annotated[int, Strict(), Field(ge=300)] = 8192
    """Tokens in the vocabulary, the 256 bytes and the special tokens included."""
