"""A causal language model and its tokenizer, asked in batches of like length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training_scripts.container import fail
from training_scripts.loading import WRITES_NOTHING, is_reward_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class LanguageModel:
    """A loaded model, ready to be asked."""

    model: Any
    tokenizer: Any
    device: Any

    @property
    def end_ids(self) -> tuple[int, ...]:
        """Tokens that end a generated text: those the model's generation settings name."""
        named = getattr(self.model.generation_config, "eos_token_id", None)
        ids = named if isinstance(named, list) else [named]
        known = {int(i) for i in (*ids, self.tokenizer.eos_token_id) if i is not None}
        return tuple(sorted(known))


def load_model(folder: Path, *, base: Path | None = None) -> LanguageModel:
    """Return the model in `folder`, on the GPU if there is one.

    Args:
        folder: In Hugging Face layout; or a PEFT adapter, which needs `base`.
        base: The folder of the model under an adapter.

    Raises:
        JobFailure: If the folder holds no model, or only an adapter and `base` is None.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    is_adapter = has_adapter(folder)
    source = base if is_adapter else folder
    if source is None:
        fail(
            f"model: {folder.name} holds only an adapter. Set base_model to the model it was "
            "trained on, or merge_adapter: true in the step that trained it, if it can be merged."
        )
    check_model_folder(source)
    on_gpu = torch.cuda.is_available()
    model = AutoModelForCausalLM.from_pretrained(
        source, dtype=torch.bfloat16 if on_gpu else torch.float32, local_files_only=True
    )
    if is_adapter:
        model = _with_adapter(model, folder)
    tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=True)
    device = torch.device("cuda" if on_gpu else "cpu")
    return LanguageModel(model.eval().to(device), tokenizer, device)


def has_adapter(folder: Path) -> bool:
    """Return whether `folder` holds an adapter, or interventions, without the model under them."""
    names = ("adapter_config.json", "reft_config.json")
    return (
        any((folder / name).is_file() for name in names) and not (folder / "config.json").is_file()
    )


def has_model(folder: Path) -> bool:
    """Return whether `folder` holds a model's settings and safetensors."""
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


def check_model_folder(folder: Path) -> None:
    """Raise JobFailure unless `folder` holds a model in Hugging Face layout."""
    if is_reward_model(folder):
        fail(f"{folder.name}: {WRITES_NOTHING}")
    if has_model(folder):
        return
    found = ", ".join(sorted(path.name for path in folder.glob("*"))[:8]) or "nothing"
    fail(
        f"{folder.name}: no model there; config.json and *.safetensors are needed, found {found}. "
        "Pass the output `model` of a step of kind train, or a model from the hub."
    )


def _with_adapter(base: Any, folder: Path) -> Any:
    if (folder / "reft_config.json").is_file():
        from training_scripts.methods.reft import load_reft

        return load_reft(base, folder)
    from training_scripts.methods.adapter import load_adapter

    return load_adapter(base, folder)


def batches_of_like_length(lengths: Sequence[int], batch_size: int) -> Iterator[list[int]]:
    """Yield row numbers in batches, longest rows first, so that little of a batch is padding."""
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def left_padded(rows: Sequence[Sequence[int]], pad_id: int, device: Any) -> tuple[Any, Any]:
    """Return `input_ids` and `attention_mask`: (batch, longest row), padding on the left."""
    import torch

    width = max(map(len, rows))
    input_ids = torch.full((len(rows), width), pad_id, dtype=torch.long)
    attention_mask = torch.zeros((len(rows), width), dtype=torch.long)
    for number, row in enumerate(rows):
        if row:
            input_ids[number, -len(row) :] = torch.tensor(row, dtype=torch.long)
            attention_mask[number, -len(row) :] = 1
    return input_ids.to(device), attention_mask.to(device)


def positions(attention_mask: Any) -> Any:
    """Return (batch, sequence) position ids that start at each row's first real token."""
    return (attention_mask.cumsum(dim=-1) - 1).clamp(min=0)
