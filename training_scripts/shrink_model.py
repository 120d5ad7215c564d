"""Make tiny models with random weights, of the same architecture and with the same tokenizer.

    python -m training_scripts.shrink_model MODEL_FOLDER NEW_FOLDER [MODEL_FOLDER NEW_FOLDER ...]

The last line on stderr says what went wrong.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from training_scripts.loading import is_reward_model
from training_scripts.smoke import tiny

if TYPE_CHECKING:
    from collections.abc import Sequence

WEIGHTS = (".safetensors", ".safetensors.index.json", ".bin", ".pt", ".pth")
SEED = 0


def main(arguments: Sequence[str]) -> int:
    """Shrink each pair of folders; return the exit code."""
    for source, target in zip(arguments[::2], arguments[1::2], strict=True):
        problem = shrink(Path(source), Path(target))
        if problem:
            print(problem, file=sys.stderr)
            return 1
    return 0


def shrink(source: Path, target: Path) -> str:
    """Write a tiny model like that in `source` into `target`; return what went wrong, or ''."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        if path.is_file() and not path.name.endswith(WEIGHTS):
            shutil.copyfile(path, target / path.name)
    shape = tiny(json.loads((source / "config.json").read_text(encoding="utf-8")))
    (target / "config.json").write_text(json.dumps(shape), encoding="utf-8")
    try:
        config = AutoConfig.from_pretrained(target, local_files_only=True)
        torch.manual_seed(SEED)
        scores = is_reward_model(source)
        kind = AutoModelForSequenceClassification if scores else AutoModelForCausalLM
        model = kind.from_config(config)
    except (KeyError, TypeError, ValueError, RuntimeError, ImportError) as error:
        reason = " ".join(str(error).split())[:300]
        wanted = shape.get("model_type")
        return f"no tiny model of type {wanted!r} can be made ({reason}). Run it without --smoke."
    model.save_pretrained(target)
    count = sum(weights.numel() for weights in model.parameters())
    print(f"smoke: {source.name} is a tiny {shape['model_type']} of {count:,} weights", flush=True)
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
