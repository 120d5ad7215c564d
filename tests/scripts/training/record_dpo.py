"""Write dpo.json: what trl's DPOTrainer computes on pairs of text.

    python tests/scripts/training/record_dpo.py    # where trl is installed: group `bench`

Weights follow from their position alone, so that no random generator must stay the same.
"""

from __future__ import annotations

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from trl import DPOConfig, DPOTrainer

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from conftest import build_tokenizer  # noqa: E402
from preference_model import PAIRS, model_of  # noqa: E402


def main() -> None:
    """Record loss, rewards and norm of gradients of each loss type."""
    cases = {
        name: recorded(beta=0.1, loss_type=name, label_smoothing=smoothing)
        for name, smoothing in (("sigmoid", 0.0), ("hinge", 0.0), ("ipo", 0.0), ("robust", 0.2))
    }
    document = {"recorded_from": f"trl {version('trl')}", "cases": cases}
    (HERE / "dpo.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def recorded(**settings: Any) -> dict[str, Any]:
    """What the trainer says of one batch with all pairs."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = DPOConfig(
            output_dir=folder,
            per_device_train_batch_size=len(PAIRS),
            bf16=False,
            use_cpu=True,
            report_to=[],
            max_length=64,
            gradient_checkpointing=False,
            **settings,
        )
        trainer = DPOTrainer(
            model=model_of(1.0),
            ref_model=model_of(1.7),
            args=arguments,
            train_dataset=Dataset.from_list(PAIRS),
            processing_class=build_tokenizer(),
        )
        batch = trainer._prepare_inputs(next(iter(trainer.get_train_dataloader())))
        loss = trainer.compute_loss(trainer.model, batch)
        loss.backward()
        told = trainer._metrics["train"]
        norms = [p.grad.double().norm() for p in trainer.model.parameters() if p.grad is not None]
        return {
            "settings": settings,
            "loss": loss.item(),
            "gradient_norm": torch.stack(norms).norm().item(),
            "tokens": batch["input_ids"][batch["attention_mask"].bool()].sum().item(),
            **{name: told[name][0] for name in told if name.startswith(("rewards/", "logps/"))},
        }


if __name__ == "__main__":
    main()
