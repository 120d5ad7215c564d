"""What can be planned and is doubtful."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    WarningsOf = Callable[..., list[str]]

SFT = (
    "split: {kind: dataset, data: ./x}\n"
    "sft: {kind: train, objective: sft, model: ./m, data: $split}\n"
)
EXAM = SFT + "exam: {kind: evaluate, model: $sft, data: $split.test, gates: {min: {accuracy: 1}}}\n"


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (
            EXAM + "out: {kind: register, model: $sft, model_package_group_name: g}",
            "spec.yaml:7: steps.out.model: '$sft' goes around the gate of step 'exam'. "
            "Write '$exam.model' to wait for it.",
        ),
        (
            SFT.replace("$split}", "$split, tracking_uri: https://mlflow.acme.com}"),
            "spec.yaml:5: steps.sft.tracking_uri: it has no effect unless `report_to` names "
            "mlflow. Write `report_to: mlflow`, or remove it.",
        ),
        (
            SFT.replace("$split}", "$split, report_to: tensorboard, run_name: first}"),
            "spec.yaml:5: steps.sft.run_name: it has no effect unless `report_to` names mlflow or "
            "wandb. Write `report_to: mlflow`, or remove it.",
        ),
        (
            "split: {kind: dataset, data: ./x, instance_count: 4}",
            "spec.yaml:4: steps.split.instance_count: kind `dataset` does not share its work: "
            "every instance would do all of it. Remove it, and choose a larger `instance_type`.",
        ),
        (
            SFT + "exam: {kind: evaluate, model: $sft, data: $split.test, "
            "gates: {min: {base.acuracy.t: 1}}}",
            "spec.yaml:6: steps.exam.gates.min.base.acuracy.t: `evaluate` measures no 'acuracy', "
            "so the gate would fail. Did you mean 'accuracy'?",
        ),
        (
            SFT + "exam: {kind: evaluate, model: $sft, data: $split}",
            "spec.yaml:6: steps.exam.data: the model was trained on '$split'. "
            "Write the sealed rows, such as `$split.test`.",
        ),
        (
            SFT + "exam: {kind: evaluate, model: $sft, data: ./t, base_model: $sft}",
            "spec.yaml:6: steps.exam.base_model: '$sft' is the model examined. "
            "Name the model from before training.",
        ),
        (
            SFT + "out: {kind: register, model: $sft, model_package_group_name: g, "
            "approval_status: Approved}",
            "spec.yaml:6: steps.out.approval_status: the model is approved at once and no gate "
            "stands before it. Put `gates` on the step that examines it, and register that "
            "step's `model`.",
        ),
        (
            "sft: {kind: train, objective: sft, model: ./m, data: ./d, lora_r: 8}",
            "spec.yaml:4: steps.sft.lora_r: it has no effect with `method: full`. "
            "Write `method: lora`, or remove it.",
        ),
        (
            "sft: {kind: train, objective: sft, model: ./m, data: ./d, method: ia3, lora_r: 8}",
            "spec.yaml:4: steps.sft.lora_r: it has no effect with `method: ia3`. "
            "Write it under `method_config`, by peft's name, or remove it.",
        ),
        (
            "sft: {kind: train, objective: sft, model: ./m, data: ./d, method: loreft}",
            "spec.yaml:4: steps.sft.method: what `loreft` learns can be neither merged nor "
            "imported into Bedrock. Read it with `base_model`, or write `method: lora` for a model "
            "that stands alone.",
        ),
        (
            SFT.replace("data: $split}", "data: $split, beta: 0.2}"),
            "spec.yaml:5: steps.sft.beta: it has no effect with `objective: sft`. "
            "Write `objective: dpo`, or remove it.",
        ),
        (
            SFT.replace("data: $split}", "data: $split, replay_share: 0.2}"),
            "spec.yaml:5: steps.sft.replay_share: it has no effect with `replay_data` unset. "
            "Set `replay_data`, or remove it.",
        ),
        (
            SFT + "exam: {kind: evaluate, model: $sft, data: $split.test, "
            "gates: {max: {forgetting.loss_delta: 0.1}}}",
            "spec.yaml:6: steps.exam.gates.max.forgetting.loss_delta: `evaluate` measures no "
            "'loss_delta', so the gate would fail. Set `retention` to what must not be forgotten.",
        ),
        (
            SFT.replace("objective: sft", "objective: dpo, packing: false"),
            "spec.yaml:5: steps.sft.packing: it has no effect with `objective: dpo`. Remove it.",
        ),
    ],
)
def test_a_doubtful_step_is_warned_about(steps: str, said: str, warnings_of: WarningsOf) -> None:
    assert warnings_of(steps) == [said]


def test_a_parameter_that_nothing_reads_is_warned_about(warnings_of: WarningsOf) -> None:
    steps = "a: {kind: dataset, data: $params.A, gates: {max: {rows: $params.B}}}"
    parameters = "A: {type: S3Uri}, B: {type: Integer}, C: {type: Integer}"
    assert warnings_of(steps, parameters) == [
        "spec.yaml:2: parameters.C: no step reads '$params.C'. Remove it."
    ]


@pytest.mark.parametrize(
    "steps",
    [
        EXAM + "out: {kind: register, model: $exam, model_package_group_name: g}",
        EXAM.replace(
            "data: $split.test", "data: $split.test, base_model: ./m, retention: ./r"
        ).replace("{accuracy: 1}", "{forgetting.accuracy_delta.t: -0.1, retention.base.loss: 1}"),
        EXAM + "more: {kind: evaluate, model: $sft, data: $split.test}",
        EXAM.replace("objective: sft", "objective: dpo, beta: 0.2").replace(
            "{accuracy: 1}", "{base.preference_accuracy: 0.5, preference_accuracy_sum: 0.6}"
        ),
        EXAM + "out: {kind: register, model: $sft, model_package_group_name: g, after: [exam]}",
    ],
)
def test_a_careful_spec_is_not_warned_about(steps: str, warnings_of: WarningsOf) -> None:
    assert warnings_of(steps) == []
