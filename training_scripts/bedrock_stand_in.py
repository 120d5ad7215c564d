"""Stands in for a customization job of Amazon Bedrock on this machine.

    python -m training_scripts.bedrock_stand_in FOLDER

Trains a tiny, new Llama for real on FOLDER/bedrock/train.jsonl, as the request in
FOLDER/request.json asks: by `sft.py` where rows have answers, by `pretrain.py` where they are text.
Writes FOLDER/customized/ as Bedrock writes its output, with the losses of this training. The base
model itself cannot be had: they say that data and settings work, not how well it would learn.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training_scripts.container import Job, fail

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


LENGTH = 256
MOST_STEPS = 200
"""Of a training here, however large the data are."""
ARCHITECTURE = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": LENGTH,
}
SETTINGS: dict[str, Any] = {
    "method": "full",
    "max_length": LENGTH,
    "packing": True,
    "truncate": True,
    "completion_only_loss": True,
    "per_device_train_batch_size": 8,
    "per_device_eval_batch_size": 8,
    "gradient_accumulation_steps": 1,
    # That of a request is for billions of weights; these few would not move.
    "learning_rate": 3e-3,
    "lr_scheduler_type": "cosine",
    "warmup_ratio": 0.03,
    "weight_decay": 0.0,
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "max_grad_norm": 1.0,
    "seed": 42,
    "bf16": False,
    "gradient_checkpointing": False,
    "attn_implementation": "auto",
    "lora_r": 8,
    "lora_alpha": 16,
    "lora_dropout": 0.0,
    "target_modules": "all-linear",
    "merge_adapter": True,
    "beta": 0.1,
    "loss_type": "sigmoid",
    "label_smoothing": 0.0,
    "center_rewards_coefficient": 0.0,
    "desirable_weight": 1.0,
    "undesirable_weight": 1.0,
    "rewards": {},
    "num_generations": 2,
    "max_completion_length": 16,
    "temperature": 1.0,
    "logging_steps": 1,
    "save_total_limit": 1,
}


def main(root: Path) -> None:
    """Train on what lies in `root`, and leave there what Bedrock would have written."""
    request = json.loads((root / "request.json").read_text(encoding="utf-8"))
    given = _hyper_parameters(request)
    rows = _converted(root / "bedrock" / "train.jsonl")
    validation = root / "bedrock" / "validation.jsonl"
    answered = [row for row in rows if row["completion"] is not None]
    channels = root / "input" / "data"
    _write_rows(channels / "data" / "train.jsonl", answered or rows)
    if validation.is_file():
        held_out = [row for row in _converted(validation) if row["completion"] or not answered]
        _write_rows(channels / "data" / "validation.jsonl", held_out)
    settings = {
        **SETTINGS,
        "objective": "sft" if answered else "continued_pretrain",
        "num_train_epochs": float(given.get("epochCount", 2)),
        "per_device_train_batch_size": min(8, int(given.get("batchSize", 8))),
    }
    if len(rows) * settings["num_train_epochs"] / 8 > MOST_STEPS:
        settings["max_steps"] = MOST_STEPS
    settings.setdefault("max_steps", -1)
    print(f"{request['baseModelIdentifier']} cannot run here: a tiny new model stands in for it.")
    job = Job("train", "stand_in", settings, root, "Training")
    _make_base(job)
    _train(job)
    _write_output(root, settings["num_train_epochs"])


def _hyper_parameters(request: Mapping[str, Any]) -> dict[str, Any]:
    rft = request.get("customizationConfig", {}).get("rftConfig", {})
    return {**request.get("hyperParameters", {}), **rft.get("hyperParameters", {})}


def _converted(path: Path) -> list[dict[str, str | None]]:
    """The rows of a file for Bedrock as prompt and completion; None where there is no answer."""
    from training_scripts.data.bedrock import answer_of, prompt_of

    with path.open(encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    if not found:
        fail(f"{path.name}: the file holds no rows.")
    return [{"prompt": prompt_of(row), "completion": answer_of(row)} for row in found]


def _write_rows(path: Path, rows: Iterable[Mapping[str, str | None]]) -> None:
    from training_scripts.data.rows import PromptRow, TextRow, write_rows

    write_rows(
        path,
        (
            TextRow(str(number), row["prompt"] or "")
            if row["completion"] is None
            else PromptRow(str(number), f"{row['prompt']}\n", row["completion"])
            for number, row in enumerate(rows)
        ),
    )


def _make_base(job: Job) -> None:
    """Make the untrained model, with a tokenizer of the rows, in channel `model`."""
    from training_scripts.data.rows import read_split, row_text
    from training_scripts.training.model import make_model
    from training_scripts.training.save import save_model
    from training_scripts.training.tokenizer import train_tokenizer

    texts = (row_text(row) for row in read_split(job.input("data"), "train"))
    tokenizer = train_tokenizer(texts, 1024, max_length=LENGTH)
    folder = job.root / "input" / "data" / "model"
    save_model(make_model(ARCHITECTURE, tokenizer, seed=42), tokenizer, folder)
    tokenizer.save_pretrained(folder)


def _train(job: Job) -> None:
    from training_scripts import pretrain, sft

    (sft if job.settings["objective"] == "sft" else pretrain).main(job)


def _write_output(root: Path, epochs: float) -> None:
    """Write the files of metrics that Bedrock writes, from the history of the training."""
    log = (root / "model" / "trainer_log.jsonl").read_text(encoding="utf-8")
    history = [json.loads(line) for line in log.splitlines()]
    for name, key, place in (
        ("training_loss", "loss", "training_artifacts/step_wise_training_metrics.csv"),
        (
            "validation_loss",
            "eval_loss",
            "validation_artifacts/post_fine_tuning_validation/validation_metrics.csv",
        ),
    ):
        rows = [row for row in history if key in row]
        if rows:
            _write_csv(root / "customized" / place, name, key, rows, epochs)


def _write_csv(path: Path, name: str, key: str, rows: list[dict[str, Any]], epochs: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    steps_per_epoch = max(rows[-1]["step"] / epochs, 1)
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["step_number", "epoch_number", name, "perplexity"])
        for row in rows:
            number = max(row["step"] - 1, 0)
            perplexity = math.exp(min(row[key], 700.0))
            writer.writerow([number, int(number / steps_per_epoch), row[key], perplexity])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
