"""Whether a local folder is a model that a job can load, told before anything starts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from orchestrator.errors import Problem, SpecError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

CONFIG, ADAPTERS = "config.json", frozenset({"adapter_config.json", "reft_config.json"})
PICKLED = (".bin", ".pt", ".pth", ".ckpt")
TOKENIZERS = ("tokenizer", "vocab", "spiece", "sentencepiece", "merges")
"""How the names of the files begin that hold a tokenizer's tokens; some end in `.model`."""
NOT_A_TOKENIZER = "tokenizer_config.json"
MOST_LISTED = 8


def refuse_no_model(path: Path, where: str) -> None:
    """Refuse a path that no job could load a model from.

    Raises:
        SpecError: If it is a file, or the folder lacks settings, weights that are safe to load,
            or a tokenizer. A path that does not exist is for others to tell.
    """
    if path.is_file():
        fix = f"Name the folder that holds {CONFIG} and *.safetensors."
        raise SpecError(Problem(where, f"'{path}' is a file, and a model is a folder", fix))
    names = sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
    if not names:
        return
    found = _missing_settings(path, names) or _missing_weights(names) or _missing_tokenizer(names)
    if found:
        raise SpecError(Problem(where, f"'{path}' {found[0]}", found[1]))


def _missing_settings(path: Path, names: Collection[str]) -> tuple[str, str] | None:
    if ADAPTERS & set(names):
        return None
    if CONFIG not in names:
        return f"has no {CONFIG} ({_listed(names)})", "Name a folder in Hugging Face layout."
    try:
        config = json.loads((path / CONFIG).read_text(encoding="utf-8"))
    except ValueError:
        return f"has a {CONFIG} that is not JSON", "Copy that file again."
    if not isinstance(config, dict) or "model_type" not in config:
        return f"has a {CONFIG} without `model_type`", "Copy that file again."
    return None


def _missing_weights(names: Collection[str]) -> tuple[str, str] | None:
    if any(name.endswith(".safetensors") for name in names):
        return None
    pickled = [name for name in names if name.endswith(PICKLED)]
    if pickled:
        what = f"has its weights as pickles ({_listed(pickled)}), which can run code when loaded"
        return what, "Convert them to safetensors."
    return f"has no weights (*.safetensors; {_listed(names)})", "Copy the whole model."


def _missing_tokenizer(names: Collection[str]) -> tuple[str, str] | None:
    held = [name for name in names if name != NOT_A_TOKENIZER]
    if ADAPTERS & set(names) or any(
        name.startswith(TOKENIZERS) or name.endswith((".model", ".tiktoken")) for name in held
    ):
        return None
    return f"has no tokenizer ({_listed(names)})", "Copy its tokenizer files too."


def _listed(names: Collection[str]) -> str:
    shown = ", ".join(list(names)[:MOST_LISTED])
    return f"found: {shown}" + (", ..." if len(names) > MOST_LISTED else "")
