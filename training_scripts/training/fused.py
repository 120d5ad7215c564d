"""The layers of Llama and its kin with fewer passes over memory, for training on a CPU.

What they compute is what transformers computes, rounded no more often. transformers spells norms
and rotations out in float32 steps, each a pass over the activations; on a CPU these passes, not
the matrix products, are where the time goes.
"""

from __future__ import annotations

from functools import lru_cache
from types import MethodType, SimpleNamespace
from typing import Any

from training_scripts.training.attention import Layout, attend


def fuse(model: Any) -> None:
    """Let `model` (of a familiar type, on a CPU) compute its layers as this module does.

    Parameters and their names stay as they are.
    """
    for module in model.modules():
        name = type(module).__name__
        if name.endswith("RMSNorm"):
            module.forward = MethodType(_norm_forward, module)
        elif name.endswith("MLP"):
            module.forward = MethodType(_mlp_forward, module)
        elif name.endswith("Attention"):
            module.forward = MethodType(_attention_forward, module)


def _norm_forward(self: Any, hidden: Any) -> Any:
    return _functions().norm(hidden, self.weight, self.variance_epsilon)


def _mlp_forward(self: Any, hidden: Any) -> Any:
    import torch

    if not _are_plain(self.gate_proj, self.up_proj) or self.gate_proj.bias is not None:
        return self.down_proj(self.act_fn(self.gate_proj(hidden)) * self.up_proj(hidden))
    weight = torch.cat((self.gate_proj.weight, self.up_proj.weight))
    both = torch.nn.functional.linear(hidden, weight)
    return self.down_proj(_functions().swiglu(both))


def _attention_forward(
    self: Any,
    hidden_states: Any,
    position_embeddings: tuple[Any, Any],
    attention_mask: Any = None,  # noqa: ARG001 transformers passes it
    layout: Layout | None = None,
    **_: Any,
) -> tuple[Any, None]:
    if layout is None:
        message = "fused attention is for training on packed rows only"
        raise ValueError(message)
    tokens, size = hidden_states.shape[1], self.head_dim
    query, key, value = (
        tensor.view(tokens, -1, size) for tensor in _query_key_value(self, hidden_states)
    )
    if hasattr(self, "q_norm"):
        query, key = self.q_norm(query), self.k_norm(key)
    cos, sin = (tensor.view(tokens, 1, size) for tensor in position_embeddings)
    turn = _functions().rotate
    out = attend(
        turn(query, cos, sin),
        turn(key, cos, sin),
        value,
        scaling=self.scaling,
        window=_window(self),
        layout=layout,
    )
    return self.o_proj(out.reshape(1, tokens, -1)), None


def _window(self: Any) -> int | None:
    """How far a token looks back; Qwen says it by layer, Mistral for all."""
    if self.config.model_type == "mistral":
        return self.config.sliding_window
    return getattr(self, "sliding_window", None)


def _query_key_value(self: Any, hidden: Any) -> tuple[Any, ...]:
    import torch

    layers = (self.q_proj, self.k_proj, self.v_proj)
    if not _are_plain(*layers) or self.q_proj.bias is not None:
        return tuple(layer(hidden) for layer in layers)
    weight = torch.cat([layer.weight for layer in layers])
    both = torch.nn.functional.linear(hidden, weight)
    return both.split([layer.out_features for layer in layers], dim=-1)


def _are_plain(*layers: Any) -> bool:
    import torch

    # Not a subclass, and not what PEFT puts in its place.
    return all(type(layer) is torch.nn.Linear for layer in layers)


@lru_cache(maxsize=1)
def _functions() -> Any:
    """The autograd functions; made on first use, since this module is imported without torch."""
    import torch

    class Norm(torch.autograd.Function):
        """Root-mean-square norm over the last axis (Zhang & Sennrich 2019, arXiv:1910.07467)."""

        @staticmethod
        def forward(ctx: Any, hidden: Any, weight: Any, epsilon: float) -> Any:
            square = torch.linalg.vector_norm(hidden, dim=-1, keepdim=True, dtype=torch.float32)
            scale = (square.square_() / hidden.shape[-1]).add_(epsilon).rsqrt_()
            # A bfloat16 scale would be off by up to 0.4 % for a whole row; high and low part
            # together are exact to float32.
            high = scale.to(hidden.dtype)
            low = (scale - high).to(hidden.dtype)
            normed = (hidden * high).addcmul_(hidden, low)
            ctx.save_for_backward(normed, weight, high)
            return normed * weight

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Any) -> tuple[Any, ...]:
            (grad,) = grad_outputs
            normed, weight, scale = ctx.saved_tensors
            grad_weight = None
            if ctx.needs_input_grad[1]:
                rows = (grad * normed).view(-1, grad.shape[-1])
                grad_weight = rows.sum(0, dtype=torch.float32).to(weight.dtype)
            grad = grad * weight
            share = torch.linalg.vecdot(grad, normed).unsqueeze(-1).div_(grad.shape[-1])
            return grad.addcmul_(normed, share, value=-1).mul_(scale), grad_weight, None

    class SwiGLU(torch.autograd.Function):
        """silu(gate) * up, both in one tensor: (..., gate and up)."""

        @staticmethod
        def forward(ctx: Any, both: Any) -> Any:
            gate, up = both.chunk(2, dim=-1)
            opened = torch.nn.functional.silu(gate)
            ctx.save_for_backward(both, opened)
            return opened * up

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Any) -> Any:
            (grad,) = grad_outputs
            both, opened = ctx.saved_tensors
            gate, up = both.chunk(2, dim=-1)
            grad_both = torch.empty_like(both)
            grad_gate, grad_up = grad_both.chunk(2, dim=-1)
            torch.mul(grad, opened, out=grad_up)
            torch.ops.aten.silu_backward.grad_input(grad * up, gate, grad_input=grad_gate)
            return grad_both

    class Rotate(torch.autograd.Function):
        """Rotary positions (Su et al. 2021, arXiv:2104.09864) of (token, head, width).

        The two halves change places by a matrix product, which is exact and which the matrix
        units do faster than memory can be rearranged.
        """

        @staticmethod
        def forward(ctx: Any, heads: Any, cos: Any, sin: Any) -> Any:
            ctx.save_for_backward(cos, sin)
            heads = heads.contiguous()
            return (heads * cos).addcmul_(_product(heads, _half_turn(heads)), sin)

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Any) -> tuple[Any, ...]:
            (grad,) = grad_outputs
            cos, sin = ctx.saved_tensors
            grad = grad.contiguous()
            turned = _product(grad * sin, _half_turn(grad).t())
            return turned.addcmul_(grad, cos), None, None

    return SimpleNamespace(norm=Norm.apply, swiglu=SwiGLU.apply, rotate=Rotate.apply)


def _product(heads: Any, matrix: Any) -> Any:
    """`heads @ matrix` as one product; `@` would make one per token of some layouts."""
    return (heads.view(-1, heads.shape[-1]) @ matrix).view_as(heads)


def _half_turn(heads: Any) -> Any:
    """The matrix that makes (-second half, first half) of (first half, second half)."""
    import torch

    half = heads.shape[-1] // 2
    matrix = torch.zeros(2 * half, 2 * half, dtype=heads.dtype)
    ones = torch.arange(half)
    matrix[ones + half, ones] = -1
    matrix[ones, ones + half] = 1
    return matrix
