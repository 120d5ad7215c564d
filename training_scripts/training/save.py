"""What a job leaves in its model folder."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from training_scripts.methods.names import LORA_VARIANTS, REFT, is_merged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from training_scripts.training.history import History
    from training_scripts.training.settings import TrainSettings

_TOLD = frozenset({"loss", "kl", "reward", "reward_std", "entropy"})
"""Keys of rows about training that are results; so are those that start with `rewards/`."""
_OF_OBJECTIVES: Mapping[str, tuple[str, ...]] = {
    "beta": ("dpo", "kto", "rloo", "grpo"),
    "loss_type": ("dpo", "kto"),
    "label_smoothing": ("dpo",),
    "center_rewards_coefficient": ("reward",),
    "desirable_weight": ("kto",),
    "undesirable_weight": ("kto",),
    **dict.fromkeys(
        ("rewards", "num_generations", "max_completion_length", "temperature"), ("rloo", "grpo")
    ),
}
"""Settings that only some objectives read."""
_MODEL = 'model = AutoModelForCausalLM.from_pretrained(".")'
_ADAPTER = """from peft import PeftModel

base = AutoModelForCausalLM.from_pretrained("...")  # the model that was tuned
model = PeftModel.from_pretrained(base, ".")"""

_REFT = """from pathlib import Path

from training_scripts.methods.reft import load_reft  # of fmo

base = AutoModelForCausalLM.from_pretrained("...")  # the model that was tuned
model = load_reft(base, Path("."))"""


def save_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write the model in Hugging Face layout, weights as safetensors."""
    model.config.use_cache = True
    if model.can_generate():  # A reward model does not.
        model.generation_config.eos_token_id = _stop_tokens(model, tokenizer)
        model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder, safe_serialization=True)


def run_metrics(history: History, counts: Mapping[str, float]) -> dict[str, float]:
    """Return the flat metrics of a run.

    Args:
        history: Of the whole run.
        counts: `parameters`, `trainable_parameters`, and what else is told of the weights.
    """
    metrics: dict[str, float] = {
        "train/steps": history.total_steps,
        "train/tokens": history.tokens,
        "train/seconds": round(history.seconds, 3),
        "train/tokens_per_second": round(history.tokens_per_second, 1),
        **{f"train/{name}": count for name, count in counts.items()},
    }
    for row in history.rows:
        # Of each the last: later rows write over earlier ones.
        metrics |= {name: value for key, value in row.items() if (name := _metric_of(key))}
    if "eval/accuracy" in metrics:
        # The loss is a cross-entropy. Above e^700 a float overflows, and metrics must be finite.
        metrics["eval/perplexity"] = math.exp(min(metrics["eval/loss"], 700.0))
    return metrics


def _metric_of(key: str) -> str | None:
    """The metric that a key of `trainer_log.jsonl` becomes, None for what is no result."""
    if key.startswith("eval_"):
        return f"eval/{key.removeprefix('eval_')}"
    return f"train/{key}" if key in _TOLD or key.startswith(("rewards/", "completion")) else None


def count_parameters(model: Any) -> dict[str, int]:
    """Return how many parameters the model has, and how many of them are trained."""
    every = list(model.parameters())
    return {
        "parameters": sum(p.numel() for p in every),
        "trainable_parameters": sum(p.numel() for p in every if p.requires_grad),
    }


def write_readme(
    folder: Path, step: str, settings: TrainSettings, metrics: Mapping[str, float]
) -> None:
    """Write what the model is and how to load it."""
    # Without what differs from one run to the next: the same training gives the same files.
    stable = {name: value for name, value in metrics.items() if "second" not in name}
    rows = "\n".join(f"| `{name}` | {value:.6g} |" for name, value in sorted(stable.items()))
    shown = {
        name: value
        for name, value in vars(settings).items()
        if value is not None
        and (settings.method in LORA_VARIANTS or not name.startswith("lora_"))
        and settings.objective in _OF_OBJECTIVES.get(name, (settings.objective,))
    }
    is_adapter = settings.method != "full" and not is_merged(
        settings.method, merge_adapter=settings.merge_adapter
    )
    load = _REFT if settings.method in REFT else _ADAPTER if is_adapter else _MODEL
    loader = "ForSequenceClassification" if settings.objective == "reward" else "ForCausalLM"
    text = f"""# {step or "model"}

Trained with objective `{settings.objective}`, method `{settings.method}`.

```python
from transformers import AutoModel{loader}, AutoTokenizer

{load.replace("ForCausalLM", loader)}
tokenizer = AutoTokenizer.from_pretrained(".")
```

| metric | value |
|---|---|
{rows}

Settings:

```json
{json.dumps(shown, indent=2)}
```
"""
    (folder / "README.md").write_text(text, encoding="utf-8")


def _stop_tokens(model: Any, tokenizer: Any) -> Any:
    """A base model's own list of stop tokens, if it has the tokenizer's among them."""
    own = model.generation_config.eos_token_id
    if isinstance(own, list) and tokenizer.eos_token_id in own:
        return own
    return tokenizer.eos_token_id
