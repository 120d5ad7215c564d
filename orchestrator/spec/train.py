"""Step kind `train`: pre-training, fine-tuning, preference tuning, and scripts of one's own."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, Strict

from orchestrator.spec.architecture import ArchitectureSpec, TokenizerSpec
from orchestrator.spec.fields import (
    ArgumentName,
    Broken,
    ChannelName,
    Count,
    Flag,
    Gates,
    Location,
    MetricDefinitions,
    Natural,
    NonNegative,
    ParameterReference,
    Positive,
    Scalar,
    ScriptPath,
    Share,
    ShareBelowOne,
    broken_spot,
)
from orchestrator.spec.tracking import ReportTo, RunLabel, TrackingUri, holds_credentials
from orchestrator.spec.train_method import Method, broken_method_rules, default_target_modules
from orchestrator.spec.train_rl import (
    JudgementFields,
    LossType,
    Objective,
    broken_judgement_rules,
    default_beta,
    default_loss_type,
)
from orchestrator.spec.train_script import broken_script_rules, fields_of_the_other_way

LEARNING_RATE = 2e-5
"""SFTConfig of TRL 1.16."""
LEARNING_RATES = {"reward": 1e-4, "dpo": 1e-6, "kto": 1e-6, "rloo": 1e-6, "grpo": 1e-6}
"""Of objectives that start elsewhere: their configurations in TRL 1.16."""
REPLAYING = ("pretrain", "continued_pretrain", "sft")
"""Objectives that can mix other rows in."""
LearningRate = Annotated[float, Strict(), Field(gt=0, lt=1)]


def default_learning_rate(fields: dict[str, Any]) -> float:
    """Return the learning rate of a step that names none; `fields` are those validated so far."""
    return LEARNING_RATES.get(fields.get("objective", ""), LEARNING_RATE)


class TrainSpec(JudgementFields):
    """One training job, by a trainer of ours (`objective`) or by a `script` of the user's.

    Outputs: `model` (of ours: Hugging Face layout, safetensors).
    """

    kind: Literal["train"] = "train"
    """The step's kind."""
    objective: Objective | None = None
    """`pretrain`, `continued_pretrain`, `sft`, `reward`, `dpo`, `kto`, `rloo` or `grpo`."""
    method: Method = "full"
    """`full` trains every weight; the others few beside frozen weights (docs/methods.md)."""
    method_config: dict[str, Any] = Field(
        default_factory=dict, validation_alias=AliasChoices("method_config", "peft_config")
    )
    """Fields of the method's config: those of `peft`, or of `loreft` and `direft`."""
    model_name_or_path: Location | None = Field(
        default=None, validation_alias=AliasChoices("model_name_or_path", "base_model", "model")
    )
    """The model to start from: `hf://ID`, `s3://...`, `./folder` or `$step.model`."""
    architecture: ArchitectureSpec | None = None
    """For `objective: pretrain`: the shape of the new model."""
    tokenizer: TokenizerSpec | None = None
    """For `objective: pretrain`: the new tokenizer; unset: that of `model_name_or_path`."""
    data: Location | None = None
    """Training rows: usually `$split`, whose validation rows come along. Needed by `objective`."""
    replay_data: Location | None = None
    """Rows of what the model knows already, mixed in so that it forgets less."""
    replay_share: ShareBelowOne | ParameterReference = 0.1
    """Share of the training tokens that `replay_data` gets."""

    max_length: Count | ParameterReference = Field(
        default=1024,
        validation_alias=AliasChoices("max_length", "max_seq_length", "cutoff_len", "sequence_len"),
    )
    """Tokens per sequence (TRL's default: 1024)."""
    packing: Flag = Field(default=True, validation_alias=AliasChoices("packing", "sample_packing"))
    """Fill each sequence with several documents; attention never crosses from one to the next."""
    truncate: Flag = False
    """Cut rows longer than `max_length` instead of refusing them."""
    completion_only_loss: Flag = True
    """Take the loss on completions only (`sft`)."""

    per_device_train_batch_size: Count | ParameterReference = Field(
        default=8,
        validation_alias=AliasChoices(
            "per_device_train_batch_size", "micro_batch_size", "batch_size"
        ),
    )
    """Sequences per device in each forward pass."""
    per_device_eval_batch_size: Count | ParameterReference = 8
    """Sequences per device in each forward pass of validation."""
    gradient_accumulation_steps: Count | ParameterReference = 1
    """Forward passes per optimizer step."""
    global_batch_size: Count | ParameterReference | None = None
    """Sequences per optimizer step over all devices; sets `gradient_accumulation_steps`."""
    num_train_epochs: Positive | ParameterReference = Field(
        default=3.0, validation_alias=AliasChoices("num_train_epochs", "epochs", "num_epochs")
    )
    """Passes over the data (transformers' default: 3); `max_steps` wins over it."""
    max_steps: Annotated[int, Strict(), Field(ge=-1)] | ParameterReference = -1
    """Optimizer steps; -1 for `num_train_epochs`."""
    learning_rate: LearningRate | ParameterReference = Field(
        default_factory=default_learning_rate,
        validation_alias=AliasChoices("learning_rate", "lr"),
        json_schema_extra={"default": LEARNING_RATE},
    )
    """Peak learning rate; by default 1e-4 for `reward`, 1e-6 for `dpo` and below (all TRL's)."""
    lr_scheduler_type: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    """How the learning rate falls after warm-up."""
    warmup_ratio: Share | ParameterReference = 0.03
    """Share of the optimizer steps in which the learning rate rises from 0."""
    weight_decay: NonNegative | ParameterReference = 0.0
    """AdamW's decoupled weight decay."""
    adam_beta1: ShareBelowOne = 0.9
    """AdamW's decay of the mean of gradients."""
    adam_beta2: ShareBelowOne = 0.999
    """AdamW's decay of the mean of squared gradients."""
    max_grad_norm: NonNegative | ParameterReference = 1.0
    """Gradients are scaled down to this norm; 0 for never."""
    seed: Natural | ParameterReference = 42
    """Of weights, order of rows and dropout."""
    bf16: Flag = True
    """Compute in bfloat16 where the device can; master weights stay float32."""
    gradient_checkpointing: Flag = False
    """Recompute activations in the backward pass: less memory, about a third more time."""
    attn_implementation: Literal["auto", "sdpa", "eager", "flash_attention_2"] = "auto"
    """The attention kernel."""

    lora_r: Count | ParameterReference = Field(
        default=16, validation_alias=AliasChoices("lora_r", "lora_rank", "r")
    )
    """Rank of each adapter."""
    lora_alpha: Count | ParameterReference = 32
    """Adapters are scaled by `lora_alpha / lora_r`."""
    lora_dropout: ShareBelowOne | ParameterReference = 0.0
    """Dropout before each adapter."""
    target_modules: str | tuple[str, ...] | None = Field(
        default_factory=default_target_modules,
        validation_alias=AliasChoices("target_modules", "lora_target"),
        json_schema_extra={"default": None},
    )
    """Which layers get an adapter; `all-linear`: all but the output layer. Unset: as peft has it
    for the method and the model; `all-linear` for LoRA and its variants."""
    merge_adapter: Flag = True
    """Save the merged model, and the adapter in `adapter/`; if false, the adapter alone."""

    beta: Positive | ParameterReference = Field(
        default_factory=default_beta, json_schema_extra={"default": 0.1}
    )
    """How much straying from the starting model costs (`dpo`, `kto`); the KL's weight in RL."""
    loss_type: LossType = Field(
        default_factory=default_loss_type, json_schema_extra={"default": "sigmoid"}
    )
    """TRL's name: `sigmoid`, `hinge`, `ipo`, `robust` (`dpo`); `kto`, `apo_zero_unpaired`."""
    label_smoothing: Annotated[float, Strict(), Field(ge=0, lt=0.5)] = 0.0
    """Share of pairs thought to be labelled the wrong way round; for `loss_type: robust`."""

    logging_steps: Count | ParameterReference = 10
    """Optimizer steps between progress lines."""
    eval_steps: Count | ParameterReference | None = None
    """Optimizer steps between validations; unset: ten times per run."""
    save_steps: Count | ParameterReference | None = None
    """Optimizer steps between checkpoints; unset: at each validation."""
    save_total_limit: Count | ParameterReference = 2
    """Checkpoints kept, the newest first."""

    report_to: ReportTo = "none"
    """Which trackers get the metrics: `tensorboard`, `mlflow`, `wandb`, or a list of them."""
    tracking_uri: TrackingUri | None = Field(
        default=None, validation_alias=AliasChoices("tracking_uri", "mlflow_tracking_uri")
    )
    """MLflow's server or its ARN on SageMaker; `./folder`, or unset, keeps runs on this machine."""
    project: RunLabel | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "project", "experiment_name", "mlflow_experiment_name", "wandb_project"
        ),
    )
    """The project in W&B, the experiment in MLflow; unset: the pipeline's name."""
    run_name: RunLabel | None = Field(
        default=None, validation_alias=AliasChoices("run_name", "mlflow_run_name", "wandb_name")
    )
    """What the trackers call the run; unset: the name of the training job."""

    spot: Flag = Field(default=False, validation_alias=AliasChoices("spot", "use_spot_instances"))
    """Managed spot training; the job resumes from its checkpoint."""
    gates: Gates = Gates()
    """Bounds on the training's metrics; what reads `model` waits for them."""

    script: ScriptPath | None = None
    """In place of `objective`: a Python file of your own, relative to the spec."""
    source_dir: str | None = None
    """A folder that travels with `script`; without one, the modules the script imports do."""
    inputs: dict[ChannelName, Location] = Field(default_factory=dict, max_length=19)
    """Channels of `script`: name to source; at most 19 (SageMaker allows 20, one is the code)."""
    # At most 100 (CreateTrainingJob, HyperParameters).
    hyperparameters: dict[ArgumentName, Scalar] = Field(default_factory=dict, max_length=100)
    """Passed to `script` as `--name value`; `$params.Name` and `$step.output` are allowed."""
    metric_definitions: MetricDefinitions = Field(default_factory=dict)
    """For `script`: metric name to a regex; the last match, unless it writes metrics.json."""
    smoke: dict[ArgumentName, Scalar] = Field(default_factory=dict)
    """For `script`: values that win over `hyperparameters` in a smoke run."""
    distribution: Literal["none", "torch_distributed"] = "none"
    """How `script` starts on each host: one process, or `torchrun` with one process per GPU."""

    @classmethod
    def fields_without_effect(cls, given: Collection[str]) -> frozenset[str]:
        """Return the fields of the other way to train."""
        return fields_of_the_other_way(given, cls.model_fields)

    def broken_rules(self) -> Iterator[Broken]:
        """Yield fields that contradict the objective, the method, the script or each other."""
        yield from broken_spot(spot=self.spot, instance_type=self.instance_type)
        yield from broken_script_rules(self)
        if self.objective is None or self.script is not None:
            return
        yield from self._start_is_known()
        yield from broken_method_rules(self)
        yield from self._replay_fits()
        yield from self._batches_divide()
        yield from broken_judgement_rules(self)
        if self.label_smoothing and self.loss_type != "robust":
            yield Broken(
                "label_smoothing",
                f"`loss_type: {self.loss_type}` takes every label for right",
                "Write `loss_type: robust`, or remove it.",
            )
        if self.max_steps == 0:
            yield Broken("max_steps", "0 steps train nothing", "Write -1 for whole epochs.")
        if holds_credentials(self.tracking_uri):
            yield Broken(
                "tracking_uri",
                "the address holds a user name or a password, and the definition shows it",
                "Remove it, and give MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD in "
                "`environment`, each as $secrets.NAME.",
            )

    def _start_is_known(self) -> Iterator[Broken]:
        if self.objective == "pretrain":
            yield from self._new_model_is_described()
            return
        if self.model_name_or_path is None:
            yield Broken(
                "model_name_or_path",
                f"`objective: {self.objective}` starts from a model and none is named",
                "Write hf://ID, s3://bucket/key/, ./folder or $step.model.",
            )
        for name in ("architecture", "tokenizer"):
            if getattr(self, name) is not None:
                yield Broken(
                    name,
                    f"`objective: {self.objective}` keeps the {name} of the model it starts from",
                    f"Remove `{name}`, or write `objective: pretrain`.",
                )

    def _new_model_is_described(self) -> Iterator[Broken]:
        if self.architecture is None:
            yield Broken(
                "architecture",
                "`objective: pretrain` makes a new model and its shape is not given",
                "Write `architecture: {hidden_size: 256}`.",
            )
        if self.model_name_or_path is None and self.tokenizer is None:
            yield Broken(
                "tokenizer",
                "`objective: pretrain` makes a new model and its tokenizer is not given",
                "Write `tokenizer: {vocab_size: 8192}` to train one on the step's data, or "
                "`model_name_or_path` to take that of a model.",
            )
        if self.model_name_or_path is not None and self.tokenizer is not None:
            yield Broken(
                "tokenizer",
                "a new tokenizer is described, and `model_name_or_path` names one too",
                "Remove one of the two: weights are not read from there.",
            )
        shape = self.architecture
        if shape and isinstance(self.max_length, int):
            positions = shape.max_position_embeddings
            if self.max_length > positions:
                yield Broken(
                    "max_length",
                    f"{self.max_length} is more than architecture.max_position_embeddings "
                    f"({positions})",
                    f"Write {positions} or less.",
                )

    def _replay_fits(self) -> Iterator[Broken]:
        if self.replay_data is not None and self.objective not in REPLAYING:
            yield Broken(
                "replay_data",
                f"`objective: {self.objective}` learns no text of its own, to mix other text into",
                f"Remove it; the objectives that replay are {', '.join(REPLAYING)}.",
            )

    def _batches_divide(self) -> Iterator[Broken]:
        whole, part = self.global_batch_size, self.per_device_train_batch_size
        if whole is None:
            return
        if "gradient_accumulation_steps" in self.model_fields_set:
            yield Broken(
                "gradient_accumulation_steps",
                "`global_batch_size` sets it, and both are given",
                "Remove one of the two.",
            )
        if isinstance(whole, int) and isinstance(part, int) and whole % part:
            yield Broken(
                "global_batch_size",
                f"{whole} is not a multiple of per_device_train_batch_size ({part})",
                f"Write {max(whole // part, 1) * part}.",
            )
