"""The loss: cross-entropy between the completion and the model's distribution over labels."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training_scripts.training.batches import MicroBatch

_LOGITS = {"cpu": 1 << 22, "cuda": 1 << 28}
"""How many logits exist at once, by device; the whole (label, vocabulary) table never does."""


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


def log_likelihoods(hidden: Any, output_weight: Any, batch: MicroBatch) -> Any:
    """Return (label,) in float32: the log-likelihood of each label, ready for `backward`.

    Arguments are those of `sum_of_losses`.
    """
    selected = hidden.squeeze(0).index_select(0, batch.label_positions)
    if output_weight is None:
        import torch

        return -torch.nn.functional.cross_entropy(
            selected.float(), batch.label_ids, reduction="none"
        )
    return _linear_log_likelihood().apply(selected, output_weight, batch.label_ids)


def losses_and_hits(hidden: Any, output_weight: Any, batch: MicroBatch) -> tuple[float, int]:
    """Return the sum of cross-entropies, and for how many labels the likeliest token is right."""
    import torch

    selected = hidden.squeeze(0).index_select(0, batch.label_positions)
    loss, hits = 0.0, 0
    vocabulary = selected.shape[1] if output_weight is None else len(output_weight)
    for start, end in _chunks(selected, vocabulary):
        labels, rows = batch.label_ids[start:end], selected[start:end]
        if output_weight is not None:
            rows = torch.nn.functional.linear(rows, output_weight)
        logits = rows.float()
        own = logits.gather(1, labels.unsqueeze(1)).squeeze(1)
        loss += (torch.logsumexp(logits, dim=1) - own).double().sum().item()
        hits += int((logits.argmax(dim=1) == labels).sum())
    return loss, hits


def _chunks(rows: Any, vocabulary: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of pieces of `rows` whose logits are few enough."""
    size = max(1, _LOGITS.get(rows.device.type, 1 << 28) // vocabulary)
    for start in range(0, len(rows), size):
        yield start, min(start + size, len(rows))


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
            pieces = list(_chunks(hidden, len(weight)))
            largest = max((end - start for start, end in pieces), default=0)
            logits_of_piece = hidden.new_empty(largest, len(weight))
            probabilities_of_piece = torch.empty_like(logits_of_piece, dtype=torch.float32)
            for start, end in pieces:
                rows, own = hidden[start:end], labels[start:end].unsqueeze(1)
                logits = logits_of_piece[: end - start]
                probabilities = probabilities_of_piece[: end - start]
                torch.mm(rows, weight.t(), out=logits)
                torch.softmax(logits, dim=1, dtype=torch.float32, out=probabilities)
                likely = probabilities.gather(1, own)
                # A loss above 87 is beyond float32's smallest number; it counts as 87.
                total -= likely.clamp(min=torch.finfo(torch.float32).tiny).log_().sum()
                # softmax - onehot, the gradient of cross-entropy by the logits
                probabilities.scatter_(1, own, likely - 1)
                grad = logits.copy_(probabilities)
                torch.mm(grad, weight, out=grad_hidden[start:end])
                if grad_weight is not None:
                    grad_weight += grad.t() @ rows
            ctx.save_for_backward(grad_hidden, grad_weight)
            ctx.weight_dtype, ctx.scale = weight.dtype, scale
            return total * scale

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Any) -> tuple[Any, ...]:
            grad_hidden, grad_weight = ctx.saved_tensors
            factor = grad_outputs[0] * ctx.scale
            if grad_weight is not None:
                grad_weight = grad_weight.mul_(factor).to(ctx.weight_dtype)
            return grad_hidden.mul_(factor), grad_weight, None, None

    return LinearCrossEntropy


@lru_cache(maxsize=1)
def _linear_log_likelihood() -> Any:
    """The autograd function; made on first use, as the one above."""
    import torch

    class LinearLogLikelihood(torch.autograd.Function):
        """Output layer and log-likelihood in one; the logits are made again on the way back.

        Unlike above, what a label's gradient is multiplied by is only known once all are there.
        """

        @staticmethod
        def forward(ctx: Any, hidden: Any, weight: Any, labels: Any) -> Any:
            found = hidden.new_empty(len(hidden), dtype=torch.float32)
            normalizers = torch.empty_like(found)
            for start, end in _chunks(hidden, len(weight)):
                logits = torch.nn.functional.linear(hidden[start:end], weight).float()
                normalizers[start:end] = torch.logsumexp(logits, dim=1)
                found[start:end] = logits.gather(1, labels[start:end].unsqueeze(1)).squeeze(1)
            ctx.save_for_backward(hidden, weight, labels, normalizers)
            return found - normalizers

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Any) -> tuple[Any, ...]:
            hidden, weight, labels, normalizers = ctx.saved_tensors
            factors = grad_outputs[0].unsqueeze(1)
            grad_hidden = torch.empty_like(hidden)
            wants_weight = ctx.needs_input_grad[1]
            grad_weight = torch.zeros_like(weight, dtype=torch.float32) if wants_weight else None
            for start, end in _chunks(hidden, len(weight)):
                rows, factor = hidden[start:end], factors[start:end]
                logits = torch.nn.functional.linear(rows, weight).float()
                # onehot - softmax, the gradient of the log-likelihood by the logits
                grad = (logits - normalizers[start:end].unsqueeze(1)).exp_().mul_(-factor)
                grad.scatter_add_(1, labels[start:end].unsqueeze(1), factor)
                grad = grad.to(weight.dtype)
                torch.mm(grad, weight, out=grad_hidden[start:end])
                if grad_weight is not None:
                    grad_weight += grad.t() @ rows
            if grad_weight is not None:
                grad_weight = grad_weight.to(weight.dtype)
            return grad_hidden, grad_weight, None

    return LinearLogLikelihood
