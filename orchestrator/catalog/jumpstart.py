"""Hyperparameters of JumpStart's training script, for steps whose model is not locked yet.

The defaults are those of `meta-textgeneration-llama-3-1-70b` in the SageMaker SDK's test
constants; a lock has those of the model itself, which win.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = "transfer_learning.py"
"""What the training image starts; it marks a job of JumpStart's."""
DEFAULT_HYPERPARAMETERS: Mapping[str, str] = {
    "add_input_output_demarcation_key": "True",
    "epoch": "5",
    "learning_rate": "0.0001",
    "lora_alpha": "32",
    "lora_dropout": "0.05",
    "lora_r": "8",
    "max_input_length": "-1",
    "max_train_samples": "-1",
    "per_device_eval_batch_size": "1",
    "per_device_train_batch_size": "1",
    "seed": "10",
    "target_modules": "q_proj,v_proj",
    "train_data_split_seed": "0",
    "validation_split_ratio": "0.2",
}
OF_THE_TASK = ("chat_dataset", "instruction_tuned")
"""Hyperparameters that say what the data are."""
