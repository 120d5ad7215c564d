"""Every mistake in a spec, and what its message says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.spec.load import load_spec, load_spec_with_lines
from orchestrator.spec.train import TrainSpec

Problems = Callable[..., list[str]]

TRAIN = "name: x\nsteps:\n  sft:\n    kind: train\n    objective: sft\n    model: hf://a/b\n"
TRAIN += "    data: ./rows\n"


def test_a_spec_is_read_with_its_lines() -> None:
    loaded = load_spec_with_lines(TRAIN)
    assert loaded.spec.name == "x"
    assert loaded.lines["steps.sft.data"] == 7


@pytest.mark.parametrize(
    ("alias", "name", "value"),
    [
        ("lr", "learning_rate", 0.5),
        ("max_seq_length", "max_length", 7),
        ("cutoff_len", "max_length", 7),
        ("sample_packing", "packing", False),
        ("micro_batch_size", "per_device_train_batch_size", 3),
        ("epochs", "num_train_epochs", 2.0),
        ("lora_rank", "lora_r", 4),
        ("use_spot_instances", "spot", True),
    ],
)
def test_names_of_other_tools_are_understood(alias: str, name: str, value: object) -> None:
    spec = load_spec(f"{TRAIN}    {alias}: {str(value).lower()}\n")
    assert getattr(spec.steps["sft"], name) == value


def test_the_alias_of_the_model_is_understood() -> None:
    step = load_spec(TRAIN).steps["sft"]
    assert isinstance(step, TrainSpec)
    assert step.model_name_or_path == "hf://a/b"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "lerning_rate: 1",
            "lerning_rate: there is no key 'lerning_rate' here. Did you mean 'learning_rate'?",
        ),
        ("epoch: 1", "epoch: there is no key 'epoch' here. Did you mean 'epochs'?"),
        (
            "learning_rate: fast",
            "learning_rate: expected a number or $params.Name, found 'fast'.",
        ),
        ("learning_rate: 0", "learning_rate: expected a number above 0, found 0."),
        ("learning_rate: 2", "learning_rate: expected a number below 1, found 2."),
        ("learning_rate: .nan", "learning_rate: expected a number below 1, found nan."),
        ("lr: '0.1'", "learning_rate: expected a number or $params.Name, found '0.1'. "
         "Remove the quotes."),
        ("warmup_ratio: 1.5", "warmup_ratio: expected a number at most 1, found 1.5."),
        ("max_length: 0", "max_length: expected a number at least 1, found 0."),
        ("max_length: 1.5", "max_length: expected a whole number or $params.Name, found 1.5."),
        ("max_length: true", "max_length: expected a whole number or $params.Name, found true."),
        ("seed: -1", "seed: expected a number at least 0, found -1."),
        ("lora_dropout: 1", "lora_dropout: expected a number below 1, found 1."),
        ("max_steps: 0", "max_steps: 0 steps train nothing. Write -1 for whole epochs."),
        (
            "packing: no",
            "packing: expected true or false, found 'no'. In YAML 1.2 'no' is a word. "
            "Write false.",
        ),
        ("packing: 'true'", "packing: expected true or false, found 'true'. Remove the quotes."),
        ("packing: 1", "packing: expected true or false, found 1."),
        (
            "method: lra",
            "method: expected one of full, lora, dora, rslora, pissa, olora, qlora, adalora, ia3, "
            "prefix_tuning, prompt_tuning, p_tuning or 41 more, found 'lra'. Did you mean 'lora'?",
        ),
        ("description: 12", 'description: expected text, found 12. Put it in quotes: "12".'),
        ("description: [a]", "description: expected text, found a list."),
        ("gates: 3", "gates: expected a mapping, found 3."),
        (
            "gates: {max: {loss: low}}",
            "gates.max.loss: expected a number or $params.Name, found 'low'.",
        ),
        ("gates: {mx: {}}", "gates.mx: there is no key 'mx' here. Did you mean 'max'?"),
        (
            "gates: {max: {loss: 1}, min: {loss: 2}}",
            "gates.min.loss: 2 is above the max of 1, so the gate can never open. Swap them.",
        ),
        ("instance_type: g5.xlarge", "instance_type: expected an instance type such as "
         "ml.g5.xlarge or a list, found 'g5.xlarge'. Write 'ml.g5.xlarge'."),
        ("instance_count: 0", "instance_count: expected a number at least 1, found 0."),
        ("retries: 21", "retries: expected a number at most 20, found 21."),
        (
            "max_runtime_seconds: 9999999",
            "max_runtime_seconds: expected a number at most 2,419,200, found 9999999.",
        ),
        ("after: [3]", 'after[0]: expected text, found 3. Put it in quotes: "3".'),
        ("bf16:", "bf16: expected true or false, found nothing. Write a value, or remove the key."),
        ("target_modules: 3", "target_modules: expected text or a list, found 3."),
        (
            "architecture: {hidden_size: 64}",
            "architecture: `objective: sft` keeps the architecture of the model it starts from. "
            "Remove `architecture`, or write `objective: pretrain`.",
        ),
        (
            "global_batch_size: 30",
            "global_batch_size: 30 is not a multiple of per_device_train_batch_size (8). "
            "Write 24.",
        ),
    ],
)  # fmt: skip
def test_a_wrong_field_is_refused_at_its_line(line: str, said: str, problems: Problems) -> None:
    assert problems(f"{TRAIN}    {line}\n") == [f"spec.yaml:8: steps.sft.{said}"]


STEPS = "name: x\nsteps:\n"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            "{kind: trian}",
            "steps.a.kind: there is no kind 'trian'. Did you mean 'train'?",
        ),
        (
            "{kind: spark}",
            "steps.a.kind: there is no kind 'spark'. The kinds are: processing, dataset, train, "
            "generate, evaluate, gate, register, bedrock, bedrock_import, "
            "jumpstart.",
        ),
        ("{kind: 3}", "steps.a.kind: there is no kind '3'. The kinds are: processing, dataset, "
         "train, generate, evaluate, gate, register, bedrock, bedrock_import, "
            "jumpstart."),
        (
            "{data: ./x}",
            "steps.a: the key 'kind' is missing. Write `kind:`, one of processing, dataset, "
            "train, generate, evaluate, gate, register, bedrock, bedrock_import, "
            "jumpstart.",
        ),
        ("5", "steps.a: expected a mapping, found 5."),
        (
            "[{kind: dataset}]",
            "steps.a: expected a mapping, found a list. Write `NAME:` in place of each `-`.",
        ),
        (
            "{kind: train, objective: sft, data: ./d, model_name_or_path: gpt2}",
            "steps.a.model_name_or_path: expected a path (./data, /data, s3://bucket/key/, "
            "hf://owner/model) or a reference ($step), found 'gpt2'. Write 'hf://OWNER/gpt2' for a "
            "model of the hub, './gpt2' for a folder.",
        ),
        (
            "{kind: dataset, data: ./x, validation_fraction: 0.2}",
            "steps.a.validation_fraction: there is no key 'validation_fraction' here. The keys "
            "are: kind, data, format, columns, prompt_template, system_prompt, split, deduplicate, "
            "near_duplicate_threshold, max_rows, min_characters, drop_ties and 13 more.",
        ),
        (
            "{kind: dataset}",
            "steps.a.data: the key 'data' is missing. Add `data:`. The rows: a file or folder of "
            "JSON lines, JSON, CSV, Parquet or text, or a step's output.",
        ),
        (
            "{kind: dataset, data: rows/x.jsonl}",
            "steps.a.data: expected a path (./data, /data, s3://bucket/key/, hf://owner/model) or "
            "a reference ($step), found 'rows/x.jsonl'. Write './rows/x.jsonl'.",
        ),
        (
            "{kind: dataset, data: ~/rows}",
            "steps.a.data: expected a path (./data, /data, s3://bucket/key/, hf://owner/model) or "
            "a reference ($step), found '~/rows'. Write the path from / or from ./ on.",
        ),
        (
            "{kind: train, objective: sft, data: ./d, base_model: Qwen/Qwen3-0.6B}",
            "steps.a.model_name_or_path: expected a path (./data, /data, s3://bucket/key/, "
            "hf://owner/model) or a reference ($step), found 'Qwen/Qwen3-0.6B'. "
            "Write 'hf://Qwen/Qwen3-0.6B' for a model of the hub, './Qwen/Qwen3-0.6B' for a "
            "folder.",
        ),
        (
            "{kind: dataset, data: a}",
            "steps.a.data: expected a path (./data, /data, s3://bucket/key/, hf://owner/model) or "
            "a reference ($step), found 'a'. Write '$a'.",
        ),
        (
            "{kind: dataset, data: ./x, split: {test: 0.5, validation: 0.5}}",
            "steps.a.split: validation 0.5 and test 0.5 leave nothing to train on. "
            "Write shares that add up to less than 1.",
        ),
        (
            "{kind: dataset, data: ./x, split: {test: 1}}",
            "steps.a.split.test: expected a number below 1, found 1.",
        ),
        (
            "{kind: dataset, data: ./x, near_duplicate_threshold: 0}",
            "steps.a.near_duplicate_threshold: expected a number above 0, found 0.",
        ),
        (
            "{kind: train, data: ./x, objective: sft}",
            "steps.a.model_name_or_path: `objective: sft` starts from a model and none is named. "
            "Write hf://ID, s3://bucket/key/, ./folder or $step.model.",
        ),
        (
            "{kind: train, data: ./x, model: ./m}",
            "steps.a.objective: the key 'objective' is missing. Add `objective:`, one of "
            "pretrain, continued_pretrain, sft, reward, dpo, kto, rloo, grpo, "
            "or `script: ./train.py`.",
        ),
        (
            "{kind: train, data: ./x, model: ./m, objective: dop}",
            "steps.a.objective: expected one of pretrain, continued_pretrain, sft, reward, dpo, "
            "kto, rloo, grpo, found "
            "'dop'. Did you mean 'dpo'?",
        ),
        (
            "{kind: train, data: ./x, model: ./m, objective: dpo, label_smoothing: 0.1}",
            "steps.a.label_smoothing: `loss_type: sigmoid` takes every label for right. "
            "Write `loss_type: robust`, or remove it.",
        ),
        (
            "{kind: train, data: ./x, objective: pretrain, model: ./m}",
            "steps.a.architecture: `objective: pretrain` makes a new model and its shape is not "
            "given. Write `architecture: {hidden_size: 256}`.",
        ),
        (
            "{kind: train, data: ./x, objective: pretrain, architecture: {}}",
            "steps.a.tokenizer: `objective: pretrain` makes a new model and its tokenizer is not "
            "given. Write `tokenizer: {vocab_size: 8192}` to train one on the step's data, or "
            "`model_name_or_path` to take that of a model.",
        ),
        (
            "{kind: train, data: ./x, objective: pretrain, model: ./m, architecture: {}, "
            "tokenizer: {}}",
            "steps.a.tokenizer: a new tokenizer is described, and `model_name_or_path` names one "
            "too. Remove one of the two: weights are not read from there.",
        ),
        (
            "{kind: train, data: ./x, objective: pretrain, model: ./m, method: lora, "
            "architecture: {}}",
            "steps.a.method: `lora` trains adapters beside a trained model and `objective: "
            "pretrain` has none. Write `method: full`.",
        ),
        (
            "{kind: train, data: ./x, objective: pretrain, model: ./m, "
            "architecture: {hidden_size: 100}}",
            "steps.a.architecture.hidden_size: 100 is not an even multiple of "
            "num_attention_heads (8). Write 96.",
        ),
        (
            "{kind: train, data: ./x, objective: pretrain, model: ./m, "
            "architecture: {num_key_value_heads: 3}}",
            "steps.a.architecture.num_key_value_heads: 3 does not divide num_attention_heads (8). "
            "Write one of 1, 2, 4, 8.",
        ),
        (
            "{kind: train, data: ./x, objective: pretrain, model: ./m, max_length: 4096, "
            "architecture: {}}",
            "steps.a.max_length: 4096 is more than architecture.max_position_embeddings (2048). "
            "Write 2048 or less.",
        ),
        (
            "{kind: train, data: ./x, objective: sft, model: ./m, global_batch_size: 16, "
            "gradient_accumulation_steps: 2}",
            "steps.a.gradient_accumulation_steps: `global_batch_size` sets it, and both are given. "
            "Remove one of the two.",
        ),
        (
            "{kind: train, data: ./x, objective: sft, model: ./m, lr: 0.1, learning_rate: 0.2}",
            "steps.a.learning_rate: 'lr' and 'learning_rate' mean the same. "
            "Keep 'learning_rate' and remove the other.",
        ),
        (
            "{kind: processing, script: ./a.sh}",
            "steps.a.script: expected a Python file such as ./clean.py, found './a.sh'.",
        ),
        (
            "{kind: processing, script: a.py, inputs: {code: ./x}}",
            "steps.a.inputs.code: 'code' is where the script itself lies. Rename it.",
        ),
        (
            "{kind: processing, script: a.py, gates: {min: {rows: 1}}}",
            "steps.a.gates: the step has gates but no output `metrics`. "
            "Write `outputs: {metrics: json}`, and metrics.json in the script.",
        ),
        (
            "{kind: processing, script: a.py, inputs: {a.b: ./x}}",
            "steps.a.inputs.a.b: expected a name of letters, digits, '-' and '_', found 'a.b'.",
        ),
        (
            "{kind: gate, conditions: []}",
            "steps.a.conditions: expected at least 1 entry, found an empty list.",
        ),
        (
            "{kind: gate, conditions: [{metric: $a.metrics.x}]}",
            "steps.a.conditions[0]: the condition has no bound. Write `min:` or `max:`.",
        ),
        (
            "{kind: gate, conditions: [{metric: $a.metrics.x, min: 1, max: 2}]}",
            "steps.a.conditions[0]: the condition has two bounds. Write a condition for each.",
        ),
        (
            "{kind: gate, conditions: [{metric: $a.loss, min: 1}]}",
            "steps.a.conditions[0].metric: expected $step.metrics.NAME, found '$a.loss'.",
        ),
        (
            "{kind: gate, conditions: [{metric: $a.metrics.x, min: many}]}",
            "steps.a.conditions[0].min: expected a number or $params.Name or "
            "$step.metrics.NAME, found 'many'.",
        ),
        (
            "{kind: register, model: ./m, model_package_group_name: my group}",
            "steps.a.model_package_group_name: expected at most 63 letters, digits and hyphens, "
            "found 'my group'. Write 'my-group'.",
        ),
        (
            "{kind: evaluate, model: ./m, data: ./d, confidence: 95}",
            "steps.a.confidence: expected a number below 1, found 95.",
        ),
    ],
)  # fmt: skip
def test_a_wrong_step_is_refused(step: str, said: str, problems: Problems) -> None:
    assert problems(f"{STEPS}  a: {step}\n") == [f"spec.yaml:3: {said}"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "steps: {a: {kind: dataset, data: ./x}}",
            "spec.yaml: name: the key 'name' is missing. Add `name:`. Letters, digits and hyphens.",
        ),
        (
            "name: x",
            "spec.yaml: steps: the key 'steps' is missing. Add `steps:`. "
            "Name to step, in any order.",
        ),
        (
            "name: x\nsteps: {}",
            "spec.yaml:2: steps: expected at least 1 entry, found an empty mapping.",
        ),
        (
            "name: x\nsteps: [a]",
            "spec.yaml:2: steps: expected a mapping, found a list. "
            "Write `NAME:` in place of each `-`.",
        ),
        (
            "name: my pipeline\nsteps: {a: {kind: dataset, data: ./x}}",
            "spec.yaml:1: name: expected at most 82 letters, digits and hyphens, "
            "found 'my pipeline'. Write 'my-pipeline'.",
        ),
        (
            "name: x\nsteps: {a b: {kind: dataset, data: ./x}}",
            "spec.yaml:2: steps.a b: expected a step's name: at most 48 letters, digits, '-' and "
            "'_', the first a letter or digit, found 'a b'.",
        ),
        (
            "name: x\nstep: {}\nsteps: {a: {kind: dataset, data: ./x}}",
            "spec.yaml:2: step: there is no key 'step' here. Did you mean 'steps'?",
        ),
    ],
)
def test_a_wrong_outline_is_refused(text: str, said: str, problems: Problems) -> None:
    assert problems(text) == [said]


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("{type: Int}", "type: expected one of String, Integer, Float, Boolean, S3Uri, "
         "found 'Int'. Did you mean 'Integer'?"),
        ("{type: Integer, default: '3'}", "default: '3' is not of type Integer. "
         "Write a whole number such as 3, or change `type`."),
        ("{type: Integer, default: true}", "default: True is not of type Integer. "
         "Write a whole number such as 3, or change `type`."),
        ("{type: Float, local: small}", "local: 'small' is not of type Float. "
         "Write a number such as 0.5, or change `type`."),
        ("{type: String, enum: [a, b], default: c}", "default: 'c' is not in `enum`. "
         "Write one of 'a', 'b'."),
        ("{type: String, enum: []}", "enum: no value is allowed. "
         "Name the values, or leave `enum` out."),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_refused(parameter: str, said: str, problems: Problems) -> None:
    text = f"name: x\nparameters:\n  P: {parameter}\nsteps: {{a: {{kind: dataset, data: ./x}}}}\n"
    assert problems(text) == [f"spec.yaml:3: parameters.P.{said}"]


def test_every_problem_is_reported_at_once_in_the_order_of_lines(problems: Problems) -> None:
    text = "name: a b\nsteps:\n  a: {kind: dataset, dat: ./x}\n  b: {kind: evaluat}\n  c: 1\n"
    lines = [said.split(":")[1] for said in problems(text)]
    assert lines == ["1", "3", "3", "4", "5"]


def test_a_reference_to_nothing_is_reported_beside_other_problems(problems: Problems) -> None:
    text = """\
name: x
steps:
  split: {kind: dataset, data: ./x, retires: 3}
  clean: {kind: processing, script: a.py, inputs: {rows: $slpit.data, p: $params.P}}
  go: {kind: gate, after: [claen], conditions: [{metric: $exma.metrics.a, min: 1}]}
"""
    assert problems(text) == [
        "spec.yaml:3: steps.split.retires: there is no key 'retires' here. Did you mean 'retries'?",
        "spec.yaml:4: steps.clean.inputs.rows: there is no step 'slpit'. Did you mean 'split'?",
        "spec.yaml:5: steps.go.conditions[0].metric: there is no step 'exma'. "
        "The steps are: split, clean, go.",
        "spec.yaml:5: steps.go.after: there is no step 'claen'. Did you mean 'clean'?",
    ]


def test_an_account_id_keeps_its_zero() -> None:
    text = "name: x\nsteps: {a: {kind: dataset, data: ./x, environment: {ID: 012345678901}}}"
    step = load_spec(text, file=Path("x")).steps["a"]
    assert step.model_dump()["environment"] == {"ID": "012345678901"}


def test_json_is_a_spec_too() -> None:
    text = '{"name": "x", "steps": {"a": {"kind": "dataset", "data": "./x"}}}'
    assert load_spec(text).steps["a"].kind == "dataset"


@pytest.mark.parametrize(("objective", "rate"), [("sft", 2e-5), ("dpo", 1e-6)])
def test_the_learning_rate_that_nobody_wrote_follows_from_the_objective(
    objective: str, rate: float
) -> None:
    step = load_spec(TRAIN.replace("objective: sft", f"objective: {objective}"))
    train = step.steps["sft"]
    assert train.model_dump()["learning_rate"] == rate
    assert "learning_rate" not in train.model_fields_set
