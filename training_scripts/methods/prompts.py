"""Prompt learning: vectors that stand before each document, found by gradients.

peft puts them there whenever its model is asked, at each token of an answer too. Here they are
put there once, before an empty cache, and every later token finds them in the cache.
"""

from __future__ import annotations

from typing import Any

from torch import nn


class Prompted(nn.Module):
    """A peft model whose virtual tokens go before the first token only.

    It is asked like the causal model itself: `attention_mask` and `logits` are of real tokens.
    """

    def __init__(self, adapted: Any) -> None:
        super().__init__()
        self.adapted = adapted

    @property
    def config(self) -> Any:
        """That of the causal model."""
        return self.adapted.get_base_model().config

    @property
    def generation_config(self) -> Any:
        """That of the causal model."""
        return self.adapted.get_base_model().generation_config

    @property
    def virtual_tokens(self) -> int:
        """How many vectors stand before a document."""
        return int(self.adapted.active_peft_config.num_virtual_tokens)

    def forward(
        self,
        input_ids: Any,
        attention_mask: Any = None,
        position_ids: Any = None,
        past_key_values: Any = None,
        **options: Any,
    ) -> Any:
        """Return what the causal model does, behind the virtual tokens.

        Args:
            input_ids: (batch, sequence).
            attention_mask: (batch, tokens in the cache and `input_ids`); None if all are real.
            position_ids: Not used: they follow from the mask.
            past_key_values: What an earlier call returned; None or empty at the first.
            options: What the causal model takes besides.
        """
        del position_ids
        cached = past_key_values.get_seq_length() if past_key_values is not None else 0
        width, virtual = input_ids.shape[1], self.virtual_tokens
        if attention_mask is None:
            attention_mask = input_ids.new_ones(len(input_ids), max(cached - virtual, 0) + width)
        mask = nn.functional.pad(attention_mask, (virtual, 0), value=1)
        positions = (mask.cumsum(dim=-1) - 1).clamp(min=0)
        causal = self.adapted.get_base_model()
        if cached:
            told = {"input_ids": input_ids, "position_ids": positions[:, -width:]}
        else:
            told, past_key_values = self._first(input_ids, positions, past_key_values)
        found = causal(**told, attention_mask=mask, past_key_values=past_key_values, **options)
        found.logits = found.logits[:, -width:]
        return found

    def _first(self, input_ids: Any, positions: Any, cache: Any) -> tuple[dict[str, Any], Any]:
        """What the causal model is told before anything is cached, and its cache."""
        import torch

        prompt = self.adapted.get_prompt(batch_size=len(input_ids))
        width = input_ids.shape[1]
        if not torch.is_tensor(prompt):
            # Keys and values of every layer.
            return {"input_ids": input_ids, "position_ids": positions[:, -width:]}, prompt
        embedded = self.adapted.get_base_model().get_input_embeddings()(input_ids)
        behind = torch.cat([prompt.to(embedded.dtype), embedded], dim=1)
        return {"inputs_embeds": behind, "position_ids": positions}, cache
