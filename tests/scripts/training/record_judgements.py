"""Write reward.json and kto.json: what trl's RewardTrainer and KTOTrainer compute.

    python tests/scripts/training/record_judgements.py

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
from trl import KTOConfig, KTOTrainer, RewardConfig, RewardTrainer

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from conftest import build_tokenizer  # noqa: E402
from preference_model import JUDGED, MARGINS, PAIRS, model_of, reward_model_of  # noqa: E402

PLAIN: dict[str, Any] = {
    "bf16": False,
    "use_cpu": True,
    "report_to": [],
    "max_length": 64,
    "gradient_checkpointing": False,
}


def main() -> None:
    """Record losses, rewards and norms of gradients."""
    rewards = {
        "plain": reward({}, margins=False),
        "centred": reward({"center_rewards_coefficient": 0.01}, margins=False),
        "margins": reward({}, margins=True),
    }
    answers = {
        "kto": kto(loss_type="kto"),
        "weighted": kto(loss_type="kto", desirable_weight=1.5, undesirable_weight=0.5),
        "apo_zero_unpaired": kto(loss_type="apo_zero_unpaired"),
    }
    for name, cases in (("reward", rewards), ("kto", answers)):
        document = {"recorded_from": f"trl {version('trl')}", "cases": cases}
        text = json.dumps(document, indent=1) + "\n"
        (HERE / f"{name}.json").write_text(text, encoding="utf-8")


def reward(settings: dict[str, Any], *, margins: bool) -> dict[str, Any]:
    """What the trainer says of one batch with all pairs."""
    rows = [
        {
            "chosen": pair["prompt"] + pair["chosen"],
            "rejected": pair["prompt"] + pair["rejected"],
            **({"margin": margin} if margins else {}),
        }
        for pair, margin in zip(PAIRS, MARGINS, strict=True)
    ]
    with tempfile.TemporaryDirectory() as folder:
        trainer = RewardTrainer(
            model=reward_model_of(1.0),
            args=RewardConfig(folder, per_device_train_batch_size=3, **PLAIN, **settings),
            train_dataset=Dataset.from_list(rows),
            processing_class=build_tokenizer(),
        )
        return {"settings": settings, "margins": margins, **told(trainer)}


def kto(**settings: Any) -> dict[str, Any]:
    """What the trainer says of one batch with all answers."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = KTOTrainer(
            model=model_of(1.0),
            ref_model=model_of(1.7),
            args=KTOConfig(folder, per_device_train_batch_size=len(JUDGED), **PLAIN, **settings),
            train_dataset=Dataset.from_list(JUDGED),
            processing_class=build_tokenizer(),
        )
        return {"settings": settings, **told(trainer)}


def told(trainer: Any) -> dict[str, Any]:
    """The loss, the norm of its gradients, and the trainer's own metrics."""
    batch = trainer._prepare_inputs(next(iter(trainer.get_train_dataloader())))
    loss = trainer.compute_loss(trainer.model, batch)
    loss.backward()
    norms = [p.grad.double().norm() for p in trainer.model.parameters() if p.grad is not None]
    metrics = trainer._metrics["train"]
    kept = ("accuracy", "margin", "mean_reward", "kl")
    return {
        "loss": loss.item(),
        "gradient_norm": torch.stack(norms).norm().item(),
        **{k: metrics[k][0] for k in metrics if k in kept or k.startswith("rewards/")},
    }


if __name__ == "__main__":
    main()
