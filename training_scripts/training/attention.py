"""Attention within documents that lie end to end in one row.

`register` makes it known to transformers as `PACKED`. On CUDA it is torch's variable-length flash
attention. On CPU, documents of similar length are computed as one batch: torch's own fused kernel
spends most of its time in a backward pass that does not use the matrix units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PACKED = "fmo_packed"
_TILE = 256
"""Queries computed at once in longer documents, so that half of the square is never touched."""
_LONG = 2048
"""Above this, torch's kernel: ours keeps every probability for the backward pass."""
_BUCKETS = (16, 32, 64, 96, 128, 192, 256)
"""Documents up to the last are padded to the next of these; longer ones to a multiple of it."""


@dataclass(frozen=True)
class Bucket:
    """Documents that are computed as one batch."""

    width: int
    """Tokens per document, padding included."""
    rows: Any
    """Tensor (document * width,): which token of the flat row, 0 for padding; None if there is no
    padding and the documents lie side by side."""
    start: int
    """First token of the bucket in the flat row."""
    end: int
    kept: Any
    """Tensor (token,): where the tokens of the flat row are among `rows`."""


@dataclass(frozen=True)
class Layout:
    """Where the documents of a flat row are."""

    buckets: tuple[Bucket, ...]
    lengths: tuple[int, ...]
    cu_seqlens: Any
    """Tensor (document + 1,), int32, on the device."""
    longest: int


def lay_out(lengths: tuple[int, ...], device: Any) -> Layout:
    """Return the layout of documents of `lengths`, which must come longest first."""
    import torch

    bounds = torch.tensor((0, *lengths), dtype=torch.int32).cumsum(0, dtype=torch.int32)
    buckets = _buckets(lengths) if device.type == "cpu" else ()
    return Layout(buckets, lengths, bounds.to(device), max(lengths))


def register() -> None:
    """Make `PACKED` known to transformers, without a mask of its own."""
    from transformers import AttentionInterface

    AttentionInterface.register(PACKED, packed_attention)


def packed_attention(
    module: Any,  # noqa: ARG001 transformers passes it
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    layout: Layout | None = None,
    **_: Any,
) -> tuple[Any, None]:
    """Return attention within each document: (1, token, head, width of a head).

    Args:
        module: The attention layer.
        query: (1, head, token, width of a head).
        key: (1, key head, token, width of a head).
        value: Like `key`.
        attention_mask: Not used; the layout says it all.
        scaling: What scores are multiplied by.
        dropout: Must be 0; Llama and its kin have none.
        sliding_window: Tokens that a token sees, itself included.
        layout: Where the documents are.
    """
    if layout is None or attention_mask is not None or dropout:
        message = f"attention {PACKED!r} is for training on packed rows only"
        raise ValueError(message)
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    query, key, value = (tensor.squeeze(0).transpose(0, 1) for tensor in (query, key, value))
    if query.device.type == "cuda":
        from torch.nn.attention.varlen import varlen_attn

        out = varlen_attn(
            query,
            key,
            value,
            layout.cu_seqlens,
            layout.cu_seqlens,
            layout.longest,
            layout.longest,
            scale=scaling,
            window_size=(-1 if sliding_window is None else sliding_window - 1, 0),
            enable_gqa=key.shape[1] != query.shape[1],
        )
        return out.unsqueeze(0), None
    out = attend(query, key, value, scaling=scaling, window=sliding_window, layout=layout)
    return out.unsqueeze(0), None


def attend(
    query: Any, key: Any, value: Any, *, scaling: float, window: int | None, layout: Layout
) -> Any:
    """Return attention within each document, on a CPU: (token, head, width of a head).

    Args:
        query: (token, head, width of a head).
        key: (token, key head, width of a head).
        value: Like `key`.
        scaling: What scores are multiplied by.
        window: Tokens that a token sees, itself included; None for all before it.
        layout: Where the documents are.
    """
    import torch

    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (tensor.repeat_interleave(groups, dim=1) for tensor in (key, value))
    parts = []
    for bucket in layout.buckets:
        out = _attend(
            _in_bucket(query, bucket),
            _in_bucket(key, bucket),
            _in_bucket(value, bucket),
            scaling,
            window,
        )
        out = out.transpose(1, 2).reshape(-1, *query.shape[1:])
        parts.append(out if bucket.rows is None else out.index_select(0, bucket.kept))
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _in_bucket(tensor: Any, bucket: Bucket) -> Any:
    """(token, head, width) as (document, head, token of the document, width)."""
    rows = (
        tensor[bucket.start : bucket.end]
        if bucket.rows is None
        else tensor.index_select(0, bucket.rows)
    )
    return rows.view(-1, bucket.width, *tensor.shape[1:]).transpose(1, 2)


def _attend(query: Any, key: Any, value: Any, scaling: float, window: int | None) -> Any:
    """All of (document, head, token of the document, width), and so is what comes back."""
    import torch

    documents, heads, width, size = query.shape
    if width > _LONG and window is None:
        return torch.nn.functional.scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scaling
        )
    # One copy each into (document and head, token, width): what bmm would do again per tile.
    query, key, value = (
        tensor.reshape(documents * heads, width, size) for tensor in (query * scaling, key, value)
    )
    parts = []
    for start in range(0, width, _TILE):
        end = min(start + _TILE, width)
        scores = torch.bmm(query[:, start:end], key[:, :end].transpose(1, 2))
        if window is None:
            # Only the last keys can be after a query.
            scores[:, :, start:].add_(_causal_mask(start, start, end, None, scores.dtype))
        else:
            scores.add_(_causal_mask(0, start, end, window, scores.dtype))
        parts.append(torch.bmm(torch.softmax(scores, dim=-1), value[:, :end]))
    out = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
    return out.view(documents, heads, width, size)


def _causal_mask(first_key: int, start: int, end: int, window: int | None, dtype: Any) -> Any:
    """(query from `start` to `end`, key from `first_key` to `end`): 0, or minus infinity."""
    import torch

    queries = torch.arange(start, end).unsqueeze(1)
    keys = torch.arange(first_key, end).unsqueeze(0)
    hidden = keys > queries
    if window is not None:
        hidden |= keys <= queries - window
    return torch.zeros(hidden.shape, dtype=dtype).masked_fill_(hidden, float("-inf"))


def _buckets(lengths: tuple[int, ...]) -> tuple[Bucket, ...]:
    found: list[Bucket] = []
    start = document = 0
    while document < len(lengths):
        width = _padded(lengths[document])
        own = [length for length in lengths[document:] if _padded(length) == width]
        found.append(_bucket(own, start))
        start += sum(own)
        document += len(own)
    return tuple(found)


def _padded(length: int) -> int:
    for width in _BUCKETS:
        if length <= width:
            return width
    return -(-length // _TILE) * _TILE


def _bucket(lengths: list[int], start: int) -> Bucket:
    import torch

    end = start + sum(lengths)
    if all(length == lengths[0] for length in lengths):
        # Nothing to pad to: the documents' own length will do.
        return Bucket(lengths[0], None, start, end, None)
    longest = max(lengths)
    rows = torch.zeros(len(lengths), longest, dtype=torch.int64)
    real = torch.zeros(len(lengths), longest, dtype=torch.bool)
    for number, length in enumerate(lengths):
        rows[number, :length] = torch.arange(start, start + length)
        real[number, :length] = True
        start += length
    return Bucket(longest, rows.view(-1), end - sum(lengths), end, real.view(-1).nonzero().view(-1))
