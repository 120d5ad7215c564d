"""What a model's folder says it is, and why a library could not load it, in one line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

LOAD_ERRORS = (OSError, ValueError, KeyError, RuntimeError, TypeError)
"""What transformers raises for files that are missing, damaged or of an unknown architecture."""
SCORES = "ForSequenceClassification"
"""How `architectures` of `config.json` end for a model that scores texts."""
WRITES_NOTHING = (
    "it is a reward model, which scores texts and writes none. Pass the model it was made of."
)
_SHOWN = 200


def is_reward_model(folder: Path) -> bool:
    """Return whether the model in `folder` scores texts."""
    return any(name.endswith(SCORES) for name in model_config(folder).get("architectures") or ())


def model_config(folder: Path) -> dict[str, Any]:
    """Return the folder's `config.json`; an empty one if there is none that can be read."""
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def load_errors() -> tuple[type[Exception], ...]:
    """Return `LOAD_ERRORS` and what safetensors raises for damaged weights."""
    from safetensors import SafetensorError

    return (*LOAD_ERRORS, SafetensorError)


def why_not_loaded(error: Exception) -> str:
    """Return what is wrong with the files of a model; raise `error` if it is not about them."""
    if "out of memory" in str(error):
        raise error
    if "mismatched" in str(error):
        # transformers writes its own table of shapes to the log.
        return "its weights have other shapes than config.json says (the log lists them)"
    if type(error).__name__ == "SafetensorError":
        return f"its weights are damaged ({first_sentence(error)})"
    return f"transformers cannot load it ({first_sentence(error)})"


def first_sentence(error: Exception) -> str:
    """Return the first sentence of what a library says, on one line."""
    text = " ".join(str(error).split()).partition(". ")[0].rstrip(".")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
