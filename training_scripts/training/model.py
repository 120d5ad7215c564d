"""The model a job trains: made from an architecture, or loaded from the channel `model`."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from training_scripts.container import fail
from training_scripts.loading import (
    LOAD_ERRORS,
    WRITES_NOTHING,
    first_sentence,
    is_reward_model,
    load_errors,
    why_not_loaded,
)
from training_scripts.training.attention import PACKED, register
from training_scripts.training.devices import compute_dtype
from training_scripts.training.fused import fuse

if TYPE_CHECKING:
    from pathlib import Path

    from training_scripts.training.settings import TrainSettings

FAMILIAR = frozenset({"llama", "mistral", "qwen2", "qwen3"})
"""Model types whose forward pass is known to be: decoder, then a plain output layer."""


def make_model(architecture: dict[str, Any], tokenizer: Any, seed: int) -> Any:
    """Return a new model with random float32 weights, the same for the same seed.

    Raises:
        JobFailure: If transformers refuses the architecture.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    shape = {name: value for name, value in architecture.items() if value is not None}
    model_type = shape.pop("model_type")
    heads = shape["num_attention_heads"]
    if shape["hidden_size"] % heads:
        fail(
            f"architecture.hidden_size: {shape['hidden_size']} is not a multiple of "
            f"num_attention_heads {heads}. Use {max(1, shape['hidden_size'] // heads) * heads}."
        )
    shape.setdefault("num_key_value_heads", heads)
    shape.setdefault("head_dim", shape["hidden_size"] // heads)
    if model_type == "mistral":
        shape.setdefault("sliding_window", None)
    rope_theta = shape.pop("rope_theta", 10_000.0)
    try:
        config = AutoConfig.for_model(
            model_type,
            vocab_size=len(tokenizer),
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            use_cache=True,
            **_rope(rope_theta),
            **shape,
        )
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    except (TypeError, ValueError) as error:
        fail(f"architecture: transformers cannot build it ({first_sentence(error)}). Change it.")


def load_model(folder: Path, dtype: Any) -> tuple[Any, Any]:
    """Return the model in `folder`, in `dtype`, and the number type its weights are stored in.

    Raises:
        JobFailure: If the folder is no Hugging Face model, or has weights only as pickles.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    check_model_folder(folder)
    if is_reward_model(folder):
        fail(f"model_name_or_path: {WRITES_NOTHING}")
    try:
        stored = getattr(AutoConfig.from_pretrained(folder), "dtype", None)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, use_safetensors=True)
    except load_errors() as error:
        fail(
            f"model_name_or_path: {why_not_loaded(error)}. "
            "Pass a causal language model whose files are whole."
        )
    return model, stored


def load_reward_model(folder: Path, dtype: Any, pad_token_id: int, seed: int) -> tuple[Any, Any]:
    """Return a model with one score for a text, and the number type its weights are stored in.

    A causal language model gets a new layer for the score, made of `seed`.

    Raises:
        JobFailure: If the folder is no Hugging Face model, or has no variant with a score.
    """
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    check_model_folder(folder)
    torch.manual_seed(seed)
    try:
        stored = getattr(AutoConfig.from_pretrained(folder), "dtype", None)
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, num_labels=1, dtype=dtype, use_safetensors=True
        )
    except load_errors() as error:
        fail(f"model_name_or_path: {why_not_loaded(error)}. Pass a model whose files are whole.")
    if not hasattr(model, "score"):
        fail(
            f"model_name_or_path: {type(model).__name__} has no layer `score` over the last token. "
            "Pass a causal language model, such as the one to be tuned."
        )
    model.config.pad_token_id = pad_token_id
    return model, stored


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer in `folder`, with a padding token.

    Raises:
        JobFailure: If there is none, or it has no end-of-text token.
    """
    from transformers import AutoTokenizer

    if not (folder / "config.json").is_file() and not (folder / "tokenizer.json").is_file():
        fail(
            f"model_name_or_path: there is no tokenizer ({_names(folder)}). "
            "Pass a Hugging Face model."
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except LOAD_ERRORS as error:
        fail(
            "model_name_or_path: transformers cannot load its tokenizer "
            f"({first_sentence(error)}). Copy its tokenizer files again."
        )
    if tokenizer.eos_token_id is None:
        fail(
            "model_name_or_path: its tokenizer has no end-of-text token (eos_token). "
            "Add one to tokenizer_config.json."
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def prepare_model(model: Any, settings: TrainSettings, device: Any) -> Any:
    """Return the model on `device`, with the attention and memory settings of the job.

    Raises:
        JobFailure: If the model is made for shorter sequences than `max_length`, or the wanted
            attention is not installed.
    """
    longest = getattr(model.config, "max_position_embeddings", None)
    if longest is not None and settings.max_length > longest:
        fail(
            f"max_length: {settings.max_length} is above the {longest} positions that the model "
            f"was made for (max_position_embeddings). Use {longest} or less."
        )
    attention = settings.attn_implementation
    if attention == "auto":
        dtype = compute_dtype(bf16=settings.bf16, device=device)
        attention = _best_attention(model.config.model_type, device.type, dtype)
    try:
        model.set_attn_implementation(attention)
    except (ImportError, ValueError) as error:
        fail(f"attn_implementation: {attention} cannot be used here ({error}). Write auto.")
    if attention == PACKED and device.type == "cpu":
        fuse(model)
    if settings.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    model.config.use_cache = False
    return model.to(device)


def choose_attention(
    model_type: str, device_type: str, dtype: Any, *, has_varlen: bool, has_flash: bool
) -> str:
    """Return the attention that `attn_implementation: auto` stands for.

    Args:
        model_type: As `config.json` names it.
        device_type: `cpu` or `cuda`.
        dtype: What computes.
        has_varlen: Whether torch has the variable-length attention that `attention.py` calls.
        has_flash: Whether flash-attn is installed.
    """
    import torch

    if model_type not in FAMILIAR:
        return "sdpa"
    if device_type == "cpu":
        return PACKED
    # Both kernels are for half precision only.
    if dtype is torch.float32 or not (has_varlen or has_flash):
        return "sdpa"
    return PACKED if has_varlen else "flash_attention_2"


def _best_attention(model_type: str, device_type: str, dtype: Any) -> str:
    from transformers.utils import is_flash_attn_2_available

    register()
    return choose_attention(
        model_type,
        device_type,
        dtype,
        has_varlen=_has_variable_length_attention(),
        has_flash=is_flash_attn_2_available(),
    )


def _has_variable_length_attention() -> bool:
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return False
    # torch 2.10 has the function without these.
    return {"window_size", "scale", "enable_gqa"} <= inspect.signature(
        varlen_attn
    ).parameters.keys()


def _rope(theta: float) -> dict[str, Any]:
    import transformers

    if int(transformers.__version__.split(".")[0]) >= 5:
        return {"rope_parameters": {"rope_type": "default", "rope_theta": theta}}
    return {"rope_theta": theta}


def check_model_folder(folder: Path) -> None:
    """Fail unless `folder` holds a model in Hugging Face layout with safetensors."""
    if not (folder / "config.json").is_file():
        if (folder / "reft_config.json").is_file():
            fail(
                "model_name_or_path: the folder holds only interventions (ReFT), which cannot be "
                "merged. Start from the model they were trained on."
            )
        if (folder / "adapter_config.json").is_file():
            fail(
                "model_name_or_path: the folder holds only an adapter. Write merge_adapter: true "
                "in the step that trained it, or start from the model it was trained on."
            )
    if not (folder / "config.json").is_file():
        fail(
            f"model_name_or_path: there is no config.json ({_names(folder)}). "
            "Pass a folder in Hugging Face layout."
        )
    if any(folder.glob("*.safetensors")):
        return
    pickles = sorted(path.name for path in folder.glob("*.bin"))
    if pickles:
        fail(
            f"model_name_or_path: its weights are pickles ({', '.join(pickles)}), which can run "
            "code when loaded. Convert them to safetensors."
        )
    fail(
        f"model_name_or_path: there are no weights (*.safetensors; {_names(folder)}). "
        "Copy the whole model."
    )


def _names(folder: Path) -> str:
    found = sorted(path.name for path in folder.glob("*"))
    return f"found: {', '.join(found[:8])}" if found else "the folder is empty"
