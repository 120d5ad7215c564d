"""Step kind `train`: pre-training, continued pre-training, full and LoRA fine-tuning."""

from __future__ import annotations

from typing import Literal

from pydantic import AliasChoices, Field

from orchestrator.spec.fields import Float, Gates, Integer, JobModel, Location, SpecModel

Objective = Literal["pretrain", "continued_pretrain", "sft"]
Method = Literal["full", "lora"]


class ArchitectureSpec(SpecModel):
    """The shape of a model trained from scratch; names as in transformers' `LlamaConfig`."""

    model_type: Literal["llama", "qwen3", "mistral"] = "llama"
    hidden_size: int = 256
    intermediate_size: int = 688
    num_hidden_layers: int = 6
    num_attention_heads: int = 8
    num_key_value_heads: int | None = None
    max_position_embeddings: int = 2048
    rope_theta: float = 10_000.0
    tie_word_embeddings: bool = True


class TokenizerSpec(SpecModel):
    """A byte-level BPE tokenizer trained on the step's own data."""

    vocab_size: int = 8192


class TrainSpec(JobModel):
    """One training job. Outputs: `model` (Hugging Face layout, safetensors)."""

    kind: Literal["train"] = "train"
    objective: Objective
    method: Method = "full"
    model_name_or_path: Location | None = Field(
        None, validation_alias=AliasChoices("model_name_or_path", "base_model", "model")
    )
    """The model to start from: `hf://ID`, `s3://...`, `./folder` or `$step.model`."""
    architecture: ArchitectureSpec | None = None
    """For `objective: pretrain`: the shape of the new model."""
    tokenizer: TokenizerSpec | None = None
    """For `objective: pretrain`: the new tokenizer; or that of `model_name_or_path`."""
    data: Location

    max_length: Integer = Field(
        1024,
        validation_alias=AliasChoices("max_length", "max_seq_length", "cutoff_len", "sequence_len"),
    )
    """Tokens per sequence (TRL's default: 1024)."""
    packing: bool = Field(True, validation_alias=AliasChoices("packing", "sample_packing"))
    """Fill each sequence with several documents; attention never crosses from one to the next."""
    truncate: bool = False
    """Cut rows longer than `max_length` instead of refusing them."""
    completion_only_loss: bool = True
    """Take the loss on completions only (`sft`)."""

    per_device_train_batch_size: Integer = Field(
        8,
        validation_alias=AliasChoices(
            "per_device_train_batch_size", "micro_batch_size", "batch_size"
        ),
    )
    per_device_eval_batch_size: Integer = 8
    gradient_accumulation_steps: Integer = 1
    global_batch_size: Integer | None = None
    """Sequences per optimizer step over all devices; sets `gradient_accumulation_steps`."""
    num_train_epochs: Float = Field(
        3.0, validation_alias=AliasChoices("num_train_epochs", "epochs", "num_epochs")
    )
    """Passes over the data (transformers' default: 3); `max_steps` wins over it."""
    max_steps: Integer = -1
    """Optimizer steps; -1 for `num_train_epochs`."""
    learning_rate: Float = Field(2e-5, validation_alias=AliasChoices("learning_rate", "lr"))
    """Peak learning rate (TRL's SFT default: 2e-5)."""
    lr_scheduler_type: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    warmup_ratio: Float = 0.03
    weight_decay: Float = 0.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    max_grad_norm: Float = 1.0
    seed: Integer = 42
    bf16: bool = True
    """Compute in bfloat16 where the device can; master weights stay float32."""
    gradient_checkpointing: bool = False
    attn_implementation: Literal["auto", "sdpa", "eager", "flash_attention_2"] = "auto"

    lora_r: Integer = Field(16, validation_alias=AliasChoices("lora_r", "lora_rank", "r"))
    lora_alpha: Integer = 32
    lora_dropout: Float = 0.0
    target_modules: str | tuple[str, ...] = Field(
        "all-linear", validation_alias=AliasChoices("target_modules", "lora_target")
    )
    merge_adapter: bool = True
    """Save the merged model (loadable everywhere) and the adapter beside it in `adapter/`."""

    logging_steps: Integer = 10
    eval_steps: Integer | None = None
    """Optimizer steps between validations; unset: ten times per run."""
    save_steps: Integer | None = None
    """Optimizer steps between checkpoints; unset: at each validation."""
    save_total_limit: Integer = 2

    spot: bool = Field(False, validation_alias=AliasChoices("spot", "use_spot_instances"))
    """Managed spot training; the job resumes from its checkpoint."""
    gates: Gates = Gates()
