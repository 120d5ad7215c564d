"""The loss: cross-entropy between the completion and the model's distribution over labels."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training_scripts.training.batches import MicroBatch

_CHUNK = 1024
"""Labels whose logits exist at once; the whole (label, vocabulary) table never does."""


def sum_of_losses(hidden: Any, output_weight: Any, batch: MicroBatch, *, scale: float) -> Any:
    """Return the sum of the labels' cross-entropies times `scale`, ready for `backward`.

    Args:
        hidden: (1, token, hidden), what the model's last norm returns.
        output_weight: (vocabulary, hidden); None if `hidden` is logits already.
        batch: Names the label positions; no logits are computed elsewhere.
        scale: One over the number of labels of the whole optimizer step.
    """
    selected = hidden.squeeze(0).index_select(0, batch.label_positions)
    if output_weight is None:
        import torch

        logits = selected.float()
        return torch.nn.functional.cross_entropy(logits, batch.label_ids, reduction="sum") * scale
    return _linear_cross_entropy().apply(selected, output_weight, batch.label_ids, scale)


def losses_and_hits(hidden: Any, output_weight: Any, batch: MicroBatch) -> tuple[float, int]:
    """Return the sum of cross-entropies, and for how many labels the likeliest token is right."""
    import torch

    selected = hidden.squeeze(0).index_select(0, batch.label_positions)
    loss, hits = 0.0, 0
    for start in range(0, len(selected), _CHUNK):
        labels = batch.label_ids[start : start + _CHUNK]
        rows = selected[start : start + _CHUNK]
        if output_weight is not None:
            rows = torch.nn.functional.linear(rows, output_weight)
        logits = rows.float()
        own = logits.gather(1, labels.unsqueeze(1)).squeeze(1)
        loss += (torch.logsumexp(logits, dim=1) - own).double().sum().item()
        hits += int((logits.argmax(dim=1) == labels).sum())
    return loss, hits


@lru_cache(maxsize=1)
def _linear_cross_entropy() -> Any:
    """The autograd function; made on first use, since this module is imported without torch."""
    import torch

    class LinearCrossEntropy(torch.autograd.Function):
        """Output layer and cross-entropy in one; gradients are made on the way forward."""

        @staticmethod
        def forward(ctx: Any, hidden: Any, weight: Any, labels: Any, scale: float) -> Any:
            total = hidden.new_zeros((), dtype=torch.float32)
            wants_weight = ctx.needs_input_grad[1]
            grad_hidden = torch.empty_like(hidden)
            grad_weight = torch.zeros_like(weight, dtype=torch.float32) if wants_weight else None
            for start in range(0, len(hidden), _CHUNK):
                rows = hidden[start : start + _CHUNK]
                own = labels[start : start + _CHUNK].unsqueeze(1)
                logits = torch.nn.functional.linear(rows, weight)
                log_probabilities = torch.log_softmax(logits, dim=1, dtype=torch.float32)
                total -= log_probabilities.gather(1, own).sum()
                # softmax - onehot, the gradient of cross-entropy by the logits
                grad = log_probabilities.exp_()
                grad.scatter_add_(1, own, grad.new_full((1, 1), -1.0).expand(len(own), 1))
                grad = grad.mul_(scale).to(hidden.dtype)
                torch.mm(grad, weight, out=grad_hidden[start : start + _CHUNK])
                if grad_weight is not None:
                    grad_weight += grad.t() @ rows
            ctx.save_for_backward(grad_hidden, grad_weight)
            ctx.weight_dtype = weight.dtype
            return total * scale

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Any) -> tuple[Any, ...]:
            grad_hidden, grad_weight = ctx.saved_tensors
            # The loop calls backward on this very sum, so what comes in is 1; anything else would
            # have to multiply both.
            factor = grad_outputs[0].to(grad_hidden.dtype)
            if grad_weight is not None:
                grad_weight = grad_weight.mul_(grad_outputs[0]).to(ctx.weight_dtype)
            return grad_hidden.mul_(factor), grad_weight, None, None

    return LinearCrossEntropy
