"""Stands in for the training image of JumpStart on this machine.

    python -m training_scripts.jumpstart_stand_in

Trains on the rows that JumpStart's script would get, with the hyperparameters it would get: by
`sft.py` on instructions and conversations, by `pretrain.py` on text. The base is what lies in
channel `model`; without one, a tiny new Llama, which says that data and settings work, not how well
the model would learn.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from typing import TYPE_CHECKING, Any

from training_scripts.bedrock_stand_in import ARCHITECTURE
from training_scripts.bedrock_stand_in import SETTINGS as STAND_IN_SETTINGS
from training_scripts.container import Job, fail, ml_root
from training_scripts.prepare_jumpstart import filled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from training_scripts.data.rows import Row

LENGTH = 1024
"""What JumpStart's script makes of `max_input_length: -1`, at most (its own documentation)."""
DEMARCATION = "\n\n### Response:\n"
TINY = {**ARCHITECTURE, "max_position_embeddings": LENGTH}
# What JumpStart's hyperparameters leave open.
SETTINGS: dict[str, Any] = {**STAND_IN_SETTINGS, "method": "lora", "packing": False}


def main(root: Path) -> None:
    """Train on what lies in `root`, and leave the model there."""
    path = root / "input" / "config" / "hyperparameters.json"
    given = json.loads(path.read_text(encoding="utf-8"))
    is_text = given.get("instruction_tuned") != "True" and given.get("chat_dataset") != "True"
    channels = root / "input" / "data"
    rows = _rows(channels / "training", given, is_text=is_text)
    _write_splits(channels / "data", rows, given)
    settings = {
        **SETTINGS,
        **mapped(given),
        "objective": "continued_pretrain" if is_text else "sft",
        "max_steps": -1,
    }
    job = Job("train", "jumpstart", settings, root, "Training")
    if (channels / "model" / "config.json").is_file():
        print("JumpStart's weights are not here: `local_model` is trained in their place.")
    else:
        print("JumpStart's weights are not here: a tiny new model stands in for them.", flush=True)
        _make_base(job)
    _train(job)


def mapped(given: Mapping[str, str]) -> dict[str, Any]:
    """Return JumpStart's hyperparameters as settings of our scripts."""
    length, modules = int(given.get("max_input_length", -1)), given.get("target_modules", "")
    return {
        "num_train_epochs": float(given.get("epoch", 5)),
        "learning_rate": float(given.get("learning_rate", 1e-4)),
        "lora_r": int(given.get("lora_r", 8)),
        "lora_alpha": int(given.get("lora_alpha", 32)),
        "lora_dropout": float(given.get("lora_dropout", 0.05)),
        "target_modules": modules.split(",") if modules else "all-linear",
        "per_device_train_batch_size": int(given.get("per_device_train_batch_size", 1)),
        "per_device_eval_batch_size": int(given.get("per_device_eval_batch_size", 1)),
        "seed": int(given.get("seed", 10)),
        "max_length": length if length > 0 else LENGTH,
    }


def _rows(folder: Path, given: Mapping[str, str], *, is_text: bool) -> list[Row]:
    from training_scripts.data.rows import Message, MessagesRow, PromptRow, TextRow

    if is_text:
        texts = (folder / "train.txt").read_text(encoding="utf-8").strip().split("\n\n")
        return [TextRow(str(number), text) for number, text in enumerate(texts)]
    with (folder / "train.jsonl").open(encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    if given.get("chat_dataset") == "True":
        return [
            MessagesRow(
                str(number), tuple(Message(turn["role"], turn["content"]) for turn in row["dialog"])
            )
            for number, row in enumerate(found)
        ]
    template = json.loads((folder / "template.json").read_text(encoding="utf-8"))
    marked = given.get("add_input_output_demarcation_key", "True") == "True"
    between = DEMARCATION if marked else ""
    return [
        PromptRow(
            str(number),
            f"{filled(template['prompt'], row)}{between}",
            filled(template["completion"], row),
        )
        for number, row in enumerate(found)
    ]


def _write_splits(folder: Path, rows: Sequence[Row], given: Mapping[str, str]) -> None:
    """Write training rows and those held out, in the share that JumpStart's script holds out."""
    from training_scripts.data.rows import write_rows

    most = int(given.get("max_train_samples", -1))
    shuffled = list(rows)
    random.Random(int(given.get("train_data_split_seed", 0))).shuffle(shuffled)  # noqa: S311
    held_out = int(len(shuffled) * float(given.get("validation_split_ratio", 0.2)))
    train = shuffled[held_out:]
    if not train:
        fail("validation_split_ratio: no row is left to train on. Lower it, or add rows.")
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "train.jsonl", train[:most] if most > 0 else train)
    if held_out:
        write_rows(folder / "validation.jsonl", shuffled[:held_out])


def _make_base(job: Job) -> None:
    """Make the untrained model, with a tokenizer of the rows, in channel `model`."""
    from training_scripts.data.rows import read_split, row_text
    from training_scripts.training.model import make_model
    from training_scripts.training.save import save_model
    from training_scripts.training.tokenizer import train_tokenizer

    texts = (row_text(row) for row in read_split(job.input("data"), "train"))
    tokenizer = train_tokenizer(texts, 1024, max_length=LENGTH)
    folder = job.root / "input" / "data" / "model"
    shutil.rmtree(folder, ignore_errors=True)
    save_model(make_model(TINY, tokenizer, seed=job.settings["seed"]), tokenizer, folder)
    tokenizer.save_pretrained(folder)


def _train(job: Job) -> None:
    from training_scripts import pretrain, sft

    (sft if job.settings["objective"] == "sft" else pretrain).main(job)


if __name__ == "__main__":
    main(ml_root(os.environ))
