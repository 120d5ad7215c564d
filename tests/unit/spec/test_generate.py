"""Kind `generate`: fields of other tools, and sampling that says one thing."""

from __future__ import annotations

import pytest

from orchestrator.errors import SpecError
from orchestrator.spec.generate import GenerateSpec
from orchestrator.spec.load import load_spec

STEP = "name: x\nsteps:\n  g: {{kind: generate, model: ./m, data: ./d, {fields}}}\n"


def generate(fields: str) -> GenerateSpec:
    step = load_spec(STEP.format(fields=fields)).steps["g"]
    assert isinstance(step, GenerateSpec)
    return step


def test_spellings_of_other_tools_mean_the_same_fields() -> None:
    text = (
        "name: x\nsteps:\n  g: {kind: generate, model_name_or_path: ./m, prompts: ./d, "
        "max_tokens: 8, n: 2, temperature: 1, stop: ['#'], batch_size: 4, max_model_len: 64, "
        "use_spot_instances: true}\n"
    )
    step = load_spec(text).steps["g"]
    assert isinstance(step, GenerateSpec)
    assert (step.model, step.data, step.spot) == ("./m", "./d", True)
    assert (step.max_new_tokens, step.num_return_sequences, step.max_length) == (8, 2, 64)
    assert (step.stop_strings, step.per_device_eval_batch_size) == (("#",), 4)


@pytest.mark.parametrize(
    "fields",
    [
        "temperature: 0.7, top_p: 0.9, top_k: 20, n: 4",
        "do_sample: true, top_p: 0.9, n: 2",
        "temperature: 0",
        "do_sample: false",
        "repetition_penalty: 1.1",
    ],
)
def test_sampling_that_says_one_thing_is_taken(fields: str) -> None:
    generate(fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            "n: 4",
            "steps.g.num_return_sequences: at temperature 0 all 4 completions of a prompt would "
            "be the same. Write `temperature: 0.8`, for example, or 1 completion.",
        ),
        (
            "top_p: 0.9",
            "steps.g.top_p: 0.9 narrows what is drawn from, and at temperature 0 nothing is "
            "drawn. Write `temperature: 1.0`, or remove it.",
        ),
        (
            "top_k: 40, temperature: 0",
            "steps.g.top_k: 40 narrows what is drawn from, and at temperature 0 nothing is drawn.",
        ),
        (
            "do_sample: true, temperature: 0",
            "steps.g.temperature: 0 takes the likeliest token, and `do_sample: true` asks to "
            "draw. Write 1.0, or `do_sample: false`.",
        ),
        (
            "do_sample: false, temperature: 0.7",
            "steps.g.temperature: 0.7 is for draws, and `do_sample: false` draws nothing. "
            "Remove one of the two.",
        ),
        (
            "instance_count: 2",
            "steps.g.instance_count: 2 instances have no disk in common to share the rows by. "
            "Remove it, and take an instance with several GPUs: each gets its share.",
        ),
        (
            "stop: ['#', '']",
            "steps.g.stop_strings[1]: empty text would end every completion at once. Remove it.",
        ),
        ("top_p: 0", "steps.g.top_p: expected a number above 0, found 0"),
        ("temperature: -1", "steps.g.temperature: expected a number at least 0, found -1"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(fields: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        generate(fields)
    assert said in str(caught.value)
