"""What objectives that learn from preferences and rewards allow, and what they refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.plan.build import build_plan
from orchestrator.plan.model import StepOutput
from orchestrator.spec.load import load_spec

if TYPE_CHECKING:
    from collections.abc import Callable

    ProblemsOf = Callable[[str], list[str]]

REWARDS = "rewards: {exact: {function: './r.py:exact'}}"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            "objective: grpo",
            "spec.yaml:4: steps.t.rewards: `objective: grpo` learns from rewards and none is "
            "named. Write `rewards: {helpful: {model: $reward.model}}`, or a function: `{exact: "
            "{function: ./rewards.py:exact}}`.",
        ),
        (
            f"objective: sft, {REWARDS}",
            "spec.yaml:4: steps.t.rewards: `objective: sft` learns from no rewards. Write "
            "`objective: grpo` or `objective: rloo`, or remove it.",
        ),
        (
            "objective: rloo, rewards: {a: {weight: 2.0}}",
            "spec.yaml:4: steps.t.rewards.a.model: a reward is a `model` or a `function`, and "
            "neither is given. Write `model: $step.model`, or `function: ./rewards.py:NAME`.",
        ),
        (
            "objective: rloo, rewards: {a: {model: ./m, weight: 0.0}}",
            "spec.yaml:4: steps.t.rewards.a.weight: a weight of 0 leaves the reward out. Remove "
            "the reward.",
        ),
        (
            f"objective: grpo, {REWARDS}, num_generations: 6",
            "spec.yaml:4: steps.t.per_device_train_batch_size: 8 completions per step are not a "
            "multiple of num_generations (6). Write `global_batch_size: 6`, or another "
            "`num_generations`.",
        ),
        (
            f"objective: grpo, {REWARDS}, max_length: 256",
            "spec.yaml:4: steps.t.max_completion_length: 512 leaves no room for a prompt within "
            "max_length (256). Write 128.",
        ),
        (
            "objective: reward, method: lora",
            "spec.yaml:4: steps.t.method: a reward model gets a new output layer, and `method: "
            "lora` freezes it. Write `method: full`.",
        ),
        (
            "objective: kto, loss_type: ipo",
            "spec.yaml:4: steps.t.loss_type: `objective: kto` has no loss 'ipo'. Write one of "
            "kto, apo_zero_unpaired.",
        ),
        (
            "objective: kto, per_device_train_batch_size: 1",
            "spec.yaml:4: steps.t.per_device_train_batch_size: `loss_type: kto` estimates the KL "
            "from the other rows of a batch, and there are none. Write 2 or more, or `loss_type: "
            "apo_zero_unpaired`.",
        ),
    ],
)
def test_what_contradicts_an_objective_is_refused(
    fields: str, said: str, problems_of: ProblemsOf
) -> None:
    step = f"t: {{kind: train, model: ./m, data: ./d, {fields}}}"
    assert problems_of(step) == [said]


def test_a_key_of_a_reward_is_guessed(problems_of: ProblemsOf) -> None:
    step = "t: {kind: train, objective: grpo, model: ./m, data: ./d, rewards: {a: {modle: ./m}}}"
    assert any("Did you mean 'model'?" in problem for problem in problems_of(step))


@pytest.mark.parametrize(
    ("objective", "field"),
    [
        ("reward", "beta: 0.2"),
        ("kto", "num_generations: 4"),
        ("dpo", "temperature: 0.5"),
        ("kto", "center_rewards_coefficient: 0.01"),
        ("reward", "desirable_weight: 2.0"),
    ],
)
def test_a_key_that_an_objective_does_not_read_is_warned_about(
    objective: str, field: str, warnings_of: Callable[[str], list[str]]
) -> None:
    (said,) = warnings_of(
        f"t: {{kind: train, objective: {objective}, model: ./m, data: ./d, {field}}}"
    )
    name = field.partition(":")[0]
    assert f"steps.t.{name}: it has no effect with `objective: {objective}`" in said


@pytest.mark.parametrize("objective", ["reward", "dpo"])
def test_pairs_are_not_learned_from_text(objective: str, problems_of: ProblemsOf) -> None:
    steps = (
        "split: {kind: dataset, data: ./x, format: text}\n"
        f"t: {{kind: train, objective: {objective}, model: ./m, data: $split}}"
    )
    (said,) = problems_of(steps)
    assert f"`{objective}` cannot learn from '$split'" in said


def test_a_reward_model_is_an_input_of_its_own() -> None:
    spec = """\
name: p
steps:
  judge: {kind: train, objective: reward, model: ./m, data: ./d}
  tune:
    kind: train
    objective: rloo
    model: ./m
    data: ./d
    rewards: {helpful: {model: $judge.model}, exact: {function: "./r.py:exact"}}
"""
    plan, _ = build_plan(load_spec(spec))
    tune = plan.steps[-1]
    assert tune.depends_on == ("judge",)
    assert tune.inputs["reward-helpful"] == StepOutput("judge", "model")
    assert "reward-exact" not in tune.inputs


@pytest.mark.parametrize(
    ("objective", "beta", "learning_rate"),
    [("reward", 0.1, 1e-4), ("kto", 0.1, 1e-6), ("rloo", 0.05, 1e-6), ("grpo", 0.04, 1e-6)],
)
def test_defaults_are_those_of_the_objective(
    objective: str, beta: float, learning_rate: float
) -> None:
    rewards = f", {REWARDS}" if objective in ("rloo", "grpo") else ""
    step = f"t: {{kind: train, objective: {objective}, model: ./m, data: ./d{rewards}}}"
    made = load_spec(f"name: p\nsteps:\n  {step}\n").steps["t"].model_dump()
    assert (made["beta"], made["learning_rate"]) == (beta, learning_rate)
