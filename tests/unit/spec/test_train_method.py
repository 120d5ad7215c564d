"""The methods of a training, and the fields each has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.catalog.methods import REFUSED, method_fields, peft_methods
from orchestrator.spec.train import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    Problems = Callable[[str], list[str]]

HEAD = "name: x\nsteps:\n  sft: {kind: train, objective: sft, model: ./m, data: ./d, "


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            "method: ia3, method_config: {target_module: [q_proj]}",
            "method_config.target_module: `method: ia3` has no field 'target_module'. "
            "Did you mean 'target_modules'?",
        ),
        (
            "method: oft, method_config: {oft_blok_size: 4}",
            "method_config.oft_blok_size: `method: oft` has no field 'oft_blok_size'. "
            "Did you mean 'oft_block_size'?",
        ),
        (
            "method: lora, method_config: {r: 4}",
            "method_config.r: it is a key of the step itself. Write `lora_r: 4` there.",
        ),
        (
            "method: dora, method_config: {use_dora: false}",
            "method_config.use_dora: `method: dora` sets it. Remove it, or write `method: lora`.",
        ),
        (
            "method: vera, method_config: {r: many}",
            "method_config.r: expected a whole number, found 'many'.",
        ),
        (
            "method: vera, method_config: {r: 0}",
            "method_config.r: 0 is not above 0. Write 1 or more.",
        ),
        (
            "method: lora, method_config: {bias: every}",
            "method_config.bias: expected one of none, all, lora_only, found 'every'. "
            "Choose from: none, all, lora_only.",
        ),
        (
            "method: lora, method_config: {init_lora_weights: eva}",
            "method_config.init_lora_weights: 'eva' looks at data before training, which no job "
            "does. Write gaussian, pissa or olora.",
        ),
        (
            "method: prompt_tuning",
            "method_config: `method: prompt_tuning` needs `num_virtual_tokens`. "
            "Write `method_config: {num_virtual_tokens: 20}`.",
        ),
        (
            "method: prompt_tuning, method_config: {num_virtual_tokens: 8, token_dim: 64}",
            "method_config.token_dim: it cannot be set: it follows from the model. Remove it.",
        ),
        (
            "method_config: {r: 8}",
            "method_config: `method: full` has no config. Remove it, or write `method: lora`.",
        ),
        (
            "method: qlora",
            "method: `qlora`: it keeps the base model in 4 bits by bitsandbytes, which needs a "
            "CUDA GPU, and no image of the catalogue has it. Write `method: lora`.",
        ),
        (
            "method: multitask_prompt_tuning",
            "method: `multitask_prompt_tuning`: it wants the number of a task with every row, and "
            "rows have none. Write `method: prompt_tuning`.",
        ),
        (
            "method: loreft, method_config: {positions: 7}",
            "method_config.positions: expected text, found 7.",
        ),
        (
            "method: loreft, method_config: {positions: f7+f2}",
            "method_config.positions: 'f7+f2' is not of the form f7+l7 (the prompt's first 7 and "
            "last 7 tokens). Write f1+l1, f5 or l1, for example.",
        ),
        (
            "method: direft, method_config: {layers: [1, 1]}",
            "method_config.layers: expected different layer numbers from 0 on, found [1, 1]. "
            "Write all, or [0, 2].",
        ),
        (
            "method: loreft, method_config: {dropout: 1}",
            "method_config.dropout: 1 is not from 0 to below 1. Write 0.0.",
        ),
        (
            "method: loreft, completion_only_loss: false",
            "completion_only_loss: `method: loreft` acts at places of the prompt, and without this "
            "every token is learned and none is the prompt's. Remove it, or write `method: lora`.",
        ),
    ],
)
def test_what_a_method_cannot_do_is_refused(fields: str, said: str, problems: Problems) -> None:
    assert problems(f"{HEAD}{fields}}}\n") == [f"spec.yaml:3: steps.sft.{said}"]


@pytest.mark.parametrize(
    ("objective", "method", "said"),
    [
        ("pretrain", "prefix_tuning", "`prefix_tuning` trains vectors before each prompt beside"),
        ("pretrain", "loreft", "`loreft` trains interventions beside a trained model"),
        ("continued_pretrain", "loreft", "`loreft` changes what a model makes of a prompt, and"),
    ],
)
def test_a_method_that_makes_no_sense_is_refused(
    objective: str, method: str, said: str, problems: Problems
) -> None:
    head = HEAD.replace("objective: sft", f"objective: {objective}")
    fields = f"method: {method}, method_config: {{num_virtual_tokens: 4}}"
    if method == "loreft":
        fields = f"method: {method}"
    if objective == "pretrain":
        fields += ", architecture: {}"
    assert problems(f"{head}{fields}}}\n")[0].startswith(f"spec.yaml:3: steps.sft.method: {said}")


def test_unset_target_modules_are_all_linear_layers_for_lora_alone() -> None:
    fields = {"objective": "sft", "model": "./m", "data": "./d"}
    targets = {
        method: TrainSpec.model_validate({**fields, "method": method}).target_modules
        for method in ("lora", "dora", "ia3")
    }
    assert targets == {"lora": "all-linear", "dora": "all-linear", "ia3": None}


def test_every_method_of_peft_has_its_fields_or_a_reason() -> None:
    assert len(peft_methods()) > 40
    for method in peft_methods():
        assert method_fields(method)
    assert all(reason for reason in REFUSED.values())
    assert not method_fields("full")
