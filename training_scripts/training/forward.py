"""One micro-batch through the model, up to what the loss needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training_scripts.methods.prompts import Prompted
from training_scripts.training.attention import lay_out
from training_scripts.training.loss import log_likelihoods, losses_and_hits, sum_of_losses
from training_scripts.training.model import FAMILIAR

if TYPE_CHECKING:
    from training_scripts.training.batches import MicroBatch


def batch_loss(model: Any, batch: MicroBatch, *, scale: float) -> Any:
    """Return the sum of the labels' cross-entropies times `scale`, ready for `backward`."""
    hidden, weight = _hidden_and_weight(model, batch)
    return sum_of_losses(hidden, weight, batch, scale=scale)


def batch_losses_and_hits(model: Any, batch: MicroBatch) -> tuple[float, int]:
    """Return the sum of cross-entropies, and for how many labels the likeliest token is right."""
    hidden, weight = _hidden_and_weight(model, batch)
    return losses_and_hits(hidden, weight, batch)


def document_log_likelihoods(model: Any, batch: MicroBatch) -> tuple[Any, Any]:
    """Return the log-likelihood of each document's labels, and their number: (document,) both."""
    import torch

    hidden, weight = _hidden_and_weight(model, batch)
    found = log_likelihoods(hidden, weight, batch)
    ends = torch.tensor(batch.lengths, device=found.device).cumsum(0)
    owners = torch.bucketize(batch.label_positions, ends, right=True)
    counts = torch.bincount(owners, minlength=len(ends))
    # Not `index_add`, which sums in another order each time on a GPU.
    return torch.stack([part.sum() for part in found.split(counts.tolist())]), counts


def document_rewards(model: Any, batch: MicroBatch, pad_token_id: int) -> Any:
    """Return (document,) in float32: what a reward model says of each.

    It is read where transformers' `ForSequenceClassification` reads it: at the last token that
    is not the padding token, which the end-of-text token often is too.
    """
    import torch

    inputs = _inputs(batch, model.config)
    hidden = model.base_model(**inputs).last_hidden_state[0]
    counts = (batch.input_ids[0] != pad_token_id).long()
    last, start = [], 0
    for length in batch.lengths:
        kept = counts[start : start + length].nonzero()
        last.append(start + (int(kept[-1]) if len(kept) else length - 1))
        start += length
    return model.score(hidden[torch.tensor(last, device=hidden.device)]).float().squeeze(-1)


def _hidden_and_weight(model: Any, batch: MicroBatch) -> tuple[Any, Any]:
    """(1, token, hidden) and the output layer's weight.

    Logits and None if the model is not known to end in a plain output layer.
    """
    if isinstance(model, Prompted):
        return _logits_behind_prompts(model, batch), None
    # A PEFT model wraps the causal one.
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    if hasattr(causal, "reft"):
        causal.reft.tell_documents(batch)
    inputs = _inputs(batch, causal.config)
    if causal.config.model_type in FAMILIAR:
        hidden = causal.base_model(**inputs).last_hidden_state
        return hidden, causal.get_output_embeddings().weight
    return causal(**inputs).logits, None


def _inputs(batch: MicroBatch, config: Any) -> dict[str, Any]:
    """What the model is called with, so that no document sees another."""
    inputs = {"input_ids": batch.input_ids, "position_ids": batch.position_ids, "use_cache": False}
    # `layout` reaches our own attention; flash attention takes the rest.
    layout = lay_out(batch.lengths, batch.input_ids.device)
    if config._attn_implementation == "flash_attention_2":  # noqa: SLF001 it has no other name
        inputs |= {
            "cu_seq_lens_q": layout.cu_seqlens,
            "cu_seq_lens_k": layout.cu_seqlens,
            "max_length_q": layout.longest,
            "max_length_k": layout.longest,
        }
    elif config.model_type in FAMILIAR:
        inputs["layout"] = layout
    return inputs


def _logits_behind_prompts(model: Prompted, batch: MicroBatch) -> Any:
    """(1, token, vocabulary): each document on its own, behind its virtual tokens."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    documents = batch.input_ids[0].split(batch.lengths)
    rows = pad_sequence(list(documents), batch_first=True)
    lengths = torch.tensor(batch.lengths, device=rows.device)
    mask = (torch.arange(rows.shape[1], device=rows.device) < lengths[:, None]).long()
    logits = model(input_ids=rows, attention_mask=mask, use_cache=False).logits
    return logits[mask.bool()].unsqueeze(0)
