"""Methods through the scripts: what is frozen, what is saved, and who can load it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from training_scripts import pretrain, sft  # noqa: E402
from training_scripts.container import JobFailure  # noqa: E402
from training_scripts.evaluation.language_model import load_model  # noqa: E402
from training_scripts.evaluation.likelihood import completion_losses  # noqa: E402
from training_scripts.evaluation.streaming import Sampling, stream  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeJob = Callable[..., Any]
    SettingsOf = Callable[..., dict[str, Any]]

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore::FutureWarning")]


def metrics(job: Any) -> dict[str, float]:
    found: dict[str, float] = json.loads((job.model_dir / "metrics.json").read_text())
    return found


def test_continued_pretraining_by_lora_changes_adapted_weights_alone(
    job: MakeJob, settings_of: SettingsOf, base_model: Path
) -> None:
    own = job(settings_of("continued_pretrain", method="lora", max_steps=4), model=base_model)
    pretrain.main(own)
    assert metrics(own)["train/trainable_parameters"] < metrics(own)["train/parameters"] / 2
    assert metrics(own)["train/merged_difference"] < 1e-5
    before = load_file(base_model / "model.safetensors")
    after = load_file(own.model_dir / "model.safetensors")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.endswith("_proj.weight") for name in changed)


def test_a_model_with_default_modules_of_peft_is_merged_and_checked(
    job: MakeJob, settings_of: SettingsOf, base_model: Path
) -> None:
    own = job(settings_of("sft", method="ia3", max_steps=4), model=base_model)
    sft.main(own)
    config = json.loads((own.model_dir / "adapter" / "adapter_config.json").read_text())
    assert set(config["target_modules"]) == {"k_proj", "v_proj", "down_proj"}
    assert 0 <= metrics(own)["train/merged_difference"] < 1e-5
    assert (own.model_dir / "config.json").is_file()


@pytest.mark.parametrize(
    ("method", "config"),
    [
        ("loreft", {"rank": 4, "positions": "f2+l2"}),
        ("prefix_tuning", {"num_virtual_tokens": 4}),
        ("prompt_tuning", {"num_virtual_tokens": 4}),
    ],
)
def test_what_cannot_be_merged_is_asked_over_its_base_model(
    method: str, config: dict[str, Any], job: MakeJob, settings_of: SettingsOf, base_model: Path
) -> None:
    own = job(
        settings_of("sft", method=method, method_config=config, max_steps=30, learning_rate=2e-2),
        model=base_model,
    )
    sft.main(own)
    assert not (own.model_dir / "config.json").exists()
    assert "train/merged_difference" not in metrics(own)
    with pytest.raises(JobFailure, match="holds only an adapter"):
        load_model(own.model_dir)
    base, tuned = load_model(base_model), load_model(own.model_dir, base=base_model)
    lines = (own.input("data") / "validation.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    losses = []
    for model in (base, tuned):
        found = completion_losses(model, [tokens_of(row, model) for row in rows], batch_size=4)
        losses.append(sum(one.nats for one in found) / sum(one.tokens for one in found))
    assert losses[1] < losses[0] - 0.01
    # What the exam finds is what the training said.
    assert losses[1] == pytest.approx(metrics(own)["eval/loss"], rel=0.05)
    prompt = tokens_of(rows[0], tuned)[0][:5]
    assert len(list(stream(tuned, prompt, Sampling(3)))) <= 3


def tokens_of(row: dict[str, Any], model: Any) -> tuple[list[int], list[int]]:
    prompt = model.tokenizer(row["prompt"])["input_ids"]
    answer = [*model.tokenizer(row["completion"])["input_ids"], model.tokenizer.eos_token_id]
    return [*prompt, *answer], [-100] * len(prompt) + answer


def test_target_modules_that_match_nothing_are_told_before_weights_are_loaded(
    job: MakeJob, settings_of: SettingsOf, base_model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for path in base_model.glob("*.json"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "model.safetensors").write_bytes(b"these are no weights")
    own = job(settings_of("sft", method="lora", target_modules=["query"]), model=folder)
    with pytest.raises(JobFailure, match="'query' matches no module of the model"):
        sft.main(own)


def test_a_merged_model_that_answers_otherwise_is_refused(
    job: MakeJob, settings_of: SettingsOf, base_model: Path
) -> None:
    from training_scripts.methods.merging import merge_adapter  # noqa: PLC0415
    from training_scripts.training.model import load_model as load_base  # noqa: PLC0415

    own = job(settings_of("sft", method="lora", max_steps=2), model=base_model)
    sft.main(own)
    base, _ = load_base(base_model, torch.float32)
    # A weight that is not finite is as wrong as a merged model can be.
    base.model.layers[0].mlp.up_proj.weight.data[0, 0] = float("nan")
    with pytest.raises(JobFailure, match=r"^merge_adapter: the merged model's logits are off"):
        merge_adapter(base, own.model_dir / "adapter")
