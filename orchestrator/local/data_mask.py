"""Which tokens of a user's rows are trained, said by a process that has the code of training."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.local.data_check import document_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MODULE = "training_scripts.mask_data"


@dataclass(frozen=True)
class Masking:
    """What decides how rows become tokens; names and defaults as in kinds `dataset` and `train`."""

    prompt_template: str = "plain"
    system_prompt: str | None = None
    format: str = "auto"
    columns: Mapping[str, str] | None = None
    """As the first row has them if None."""
    max_length: int = 1024
    truncate: bool = False
    completion_only_loss: bool = True


def mask_data(
    data: Path, model: Path, masking: Masking, environ: Mapping[str, str], *, rows: int = 3
) -> dict[str, Any]:
    """Return the first rows' tokens, each with its mark, as the script's document has them.

    Args:
        data: A file or folder of rows.
        model: A folder with a tokenizer.
        masking: How rows become tokens.
        environ: The caller's environment.
        rows: How many.

    Raises:
        DataError: If rows or tokenizer cannot be read.
    """
    arguments = [f"--model={model.absolute()}", f"--rows={rows}", *_arguments(masking)]
    document = document_of(MODULE, arguments, data, environ)
    return {"path": str(data), "model": str(model), **document}


def _arguments(masking: Masking) -> Iterator[str]:
    yield f"--prompt-template={masking.prompt_template}"
    yield f"--max-length={masking.max_length}"
    if masking.system_prompt is not None:
        yield f"--system-prompt={masking.system_prompt}"
    if masking.format != "auto":
        yield f"--format={masking.format}"
    if masking.columns:
        yield f"--columns={json.dumps(dict(masking.columns))}"
    if masking.truncate:
        yield "--truncate"
    if not masking.completion_only_loss:
        yield "--whole-loss"
