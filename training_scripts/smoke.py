"""A smoke run as a job sees it: caps on rows and steps, and tiny models in place of the real ones.

Standard library only: `launch.py` reads it in any image.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ARGUMENT = "--fmo_smoke="
"""`--fmo_smoke=true,ROWS,STEPS`; every job of ours gets it, and no script sees it."""
VARIABLE = "FMO_SMOKE"
"""`ROWS,STEPS` in a smoke run, else unset. For a user's script as for ours."""
CHANNELS_VARIABLE = "FMO_SMOKE_CHANNELS"
"""JSON: input channel to the folder of the tiny model that takes its place."""

HEADS = 4
HEAD_DIM = 16
LAYERS = 2
SIZES = {
    "num_attention_heads": HEADS,
    "num_heads": HEADS,
    "n_head": HEADS,
    "head_dim": HEAD_DIM,
    "num_hidden_layers": LAYERS,
    "num_layers": LAYERS,
    "n_layer": LAYERS,
    "intermediate_size": 128,
    "ffn_dim": 128,
    "n_inner": 128,
    "moe_intermediate_size": 64,
    "shared_expert_intermediate_size": 64,
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "n_group": 1,
    "topk_group": 1,
    "first_k_dense_replace": 1,
    "q_lora_rank": 32,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": HEAD_DIM,
    "rotary_dim": HEAD_DIM // 2,
    "v_head_dim": 16,
}
"""Members of a `config.json`, under every family's names, to the most that a tiny model has."""
HEAD_COUNTS = ("num_attention_heads", "n_head")
WIDTHS = ("hidden_size", "n_embd", "word_embed_proj_dim")
PER_LAYER = ("layer_types", "no_rope_layers", "mlp_layer_types")
FULL_ATTENTION = {"full_attention", "attention"}
PER_HALF_HEAD = ("short_factor", "long_factor")


@dataclass(frozen=True)
class Smoke:
    """The caps of a smoke run."""

    rows: int
    """Of each data set."""
    steps: int
    """Optimizer steps of each training."""
    channels: Mapping[str, Path] = field(default_factory=dict)
    """Input channels whose model a tiny one replaces, to its folder."""

    def capped(self, settings: Mapping[str, Any], **most: int) -> dict[str, Any]:
        """Return `settings` with each member of `most` at most that; one that is None is that."""
        caps = {name: min(settings.get(name) or limit, limit) for name, limit in most.items()}
        return {**settings, **caps}

    def to_environment(self) -> dict[str, str]:
        """Return the variables that `smoke_of` reads."""
        channels = {name: str(folder) for name, folder in self.channels.items()}
        return {
            VARIABLE: f"{self.rows},{self.steps}",
            CHANNELS_VARIABLE: json.dumps(channels, sort_keys=True),
        }


def smoke_of(environment: Mapping[str, str]) -> Smoke | None:
    """Return the caps that a script's environment names; None if the run is no smoke run."""
    text = environment.get(VARIABLE)
    if not text:
        return None
    rows, steps = (int(part) for part in text.split(","))
    channels = json.loads(environment.get(CHANNELS_VARIABLE) or "{}")
    return Smoke(rows, steps, {name: Path(folder) for name, folder in channels.items()})


def take_smoke(arguments: Sequence[str]) -> tuple[list[str], Smoke | None]:
    """Return the launcher's arguments without the one about smoke runs, and what that one says."""
    rest = [text for text in arguments if not text.startswith(ARGUMENT)]
    said = [text.removeprefix(ARGUMENT) for text in arguments if text.startswith(ARGUMENT)]
    if not said:
        return rest, None
    # SageMaker does not say whether it writes a Boolean as `true` or as `True`.
    is_smoke, rows, steps = said[-1].split(",")
    return rest, Smoke(int(rows), int(steps)) if is_smoke.lower() == "true" else None


def has_real_model(folder: Path) -> bool:
    """Return whether `folder` describes a model that is larger than a tiny one, or lacks weights.

    What a smoke run trained is tiny already, and stays as it is.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if not isinstance(config, dict) or "model_type" not in config:
        return False
    return tiny(config) != config or not any(folder.glob("*.safetensors"))


def tiny(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the shape of a tiny model of the same architecture and vocabulary.

    Args:
        config: A model's `config.json`, or the architecture of a spec. No member grows, so that
            the shape of a tiny model is the shape itself.
    """
    small = {name: _at_most(value, SIZES.get(name)) for name, value in config.items()}
    heads = next((small[name] for name in HEAD_COUNTS if name in small), HEADS)
    for name in WIDTHS:
        if name in small:
            small[name] = _at_most(small[name], heads * HEAD_DIM)
    if small.get("num_key_value_heads"):
        is_full = config["num_key_value_heads"] == config.get("num_attention_heads")
        small["num_key_value_heads"] = (
            heads if is_full else min(config["num_key_value_heads"], max(1, heads // 2))
        )
    for name in PER_LAYER:
        if isinstance(small.get(name), list):
            small[name] = _first_layers(small[name])
    for name in ("rope_scaling", "rope_parameters"):
        if isinstance(small.get(name), dict):
            small[name] = _shorter_factors(small[name])
    small.pop("quantization_config", None)  # Weights made anew are not quantized.
    return small


def _at_most(value: Any, limit: int | None) -> Any:
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return min(value, limit) if is_count and limit is not None else value


def _first_layers(kinds: list[Any]) -> list[Any]:
    """The first layers; the last of them attends to everything if any layer of the model does."""
    full = [kind for kind in kinds if kind in FULL_ATTENTION]
    first = kinds[:LAYERS]
    return [*first[:-1], full[0]] if full and not set(first) & FULL_ATTENTION else first


def _shorter_factors(rope: Mapping[str, Any]) -> dict[str, Any]:
    # LongRoPE has a factor for each pair of a head's dimensions.
    return {
        name: value[: HEAD_DIM // 2] if name in PER_HALF_HEAD and isinstance(value, list) else value
        for name, value in rope.items()
    }
