"""A typo in every kind of key and value: file, line, field, what was found, what to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.functional.bad_input.conftest import Checked

SPEC = """\
name: bad
parameters:
  Limit: {type: Integer, default: 3}
steps:
  split: {kind: dataset, data: ./rows.jsonl}
  sft: {kind: train, objective: sft, model_name_or_path: s3://models/base/, data: $split}
  exam: {kind: evaluate, model: $sft.model, data: $split.test}
  ok: {kind: gate, conditions: [{metric: $exam.metrics.loss, max: 3}], passes: {m: $exam.model}}
  publish: {kind: register, model: $ok.m, model_package_group_name: g}
  own: {kind: processing, script: ./own.py, arguments: {n: $params.Limit}, outputs: {said: text}}
"""
SECRETS = "say where under `secrets:` in fmo.yaml, and write `environment: {NAME: $secrets.name}`."
PATH = (
    "expected a path (./data, /data, s3://bucket/key/, hf://owner/model) or a reference ($step), "
    "found"
)
WRONG = {
    # keys
    ("name: bad", "nam: bad"): "1: nam: there is no key 'nam' here. Did you mean 'name'?",
    ("kind: dataset", "kind: dataste"): "5: steps.split.kind: there is no kind 'dataste'. Did you "
    "mean 'dataset'?",
    ("type: Integer, default", "type: Integer, defualt"): "3: parameters.Limit.defualt: there is "
    "no key 'defualt' here. Did you mean 'default'?",
    ("max: 3", "mx: 3"): "8: steps.ok.conditions[0].mx: there is no key 'mx' here. Did you mean "
    "'max'?",
    ("model_package_group_name: g", "model_package_group: g"): "9: steps.publish."
    "model_package_group: there is no key 'model_package_group' here. Did you mean "
    "'model_package_group_name'?",
    # names
    ("name: bad", "name: bad name"): "1: name: expected at most 82 letters, digits and hyphens, "
    "found 'bad name'. Write 'bad-name'.",
    ("  own:", "  o n:"): "10: steps.o n: expected a step's name: at most 48 letters, digits, '-' "
    "and '_', the first a letter or digit, found 'o n'.",
    ("said: text", "s d: text"): "10: steps.own.outputs.s d: expected a name of letters, digits, "
    "'-' and '_', found 's d'.",
    # types
    ("name: bad", "name: 3"): '1: name: expected text, found 3. Put it in quotes: "3".',
    ("objective: sft", "objective: sft, bf16: yes"): "6: steps.sft.bf16: expected true or false, "
    "found 'yes'. In YAML 1.2 'yes' is a word. Write true.",
    ("objective: sft", "objective: sft, max_steps: 1e3"): "6: steps.sft.max_steps: expected a "
    "whole number or $params.Name, found 1000.0. Write 1000.",
    ("objective: sft", 'objective: sft, num_train_epochs: "3"'): "6: steps.sft.num_train_epochs: "
    "expected a number or $params.Name, found '3'. Remove the quotes.",
    ("passes: {m: $exam.model}", "passes: $exam.model"): "8: steps.ok.passes: expected a mapping, "
    "found '$exam.model'. Write `passes: {NAME: $exam.model}`.",
    ("arguments: {n: $params.Limit}", "arguments: [n]"): "10: steps.own.arguments: expected a "
    "mapping, found a list. Write `NAME:` in place of each `-`.",
    ("outputs: {said: text}", "after: split"): "10: steps.own.after: expected a list, found "
    "'split'. Write [split].",
    # ranges and choices
    ("objective: sft", "objective: rlhf"): "6: steps.sft.objective: expected one of pretrain, "
    "continued_pretrain, sft, reward, dpo, kto, rloo, grpo, found 'rlhf'.",
    ("objective: sft", "objective: stf"): "6: steps.sft.objective: expected one of pretrain, "
    "continued_pretrain, sft, reward, dpo, kto, rloo, grpo, found 'stf'. Did you mean 'sft'?",
    ("objective: sft", "objective: sft, learning_rate: 3"): "6: steps.sft.learning_rate: expected "
    "a number below 1, found 3.",
    ("type: Integer", "type: Integr"): "3: parameters.Limit.type: expected one of String, Integer, "
    "Float, Boolean, S3Uri, found 'Integr'. Did you mean 'Integer'?",
    # instances
    ("objective: sft", "objective: sft, instance_type: g5.xlarge"): "6: steps.sft.instance_type: "
    "expected an instance type such as ml.g5.xlarge or a list, found 'g5.xlarge'. "
    "Write 'ml.g5.xlarge'.",
    ("objective: sft", "objective: sft, instance_type: ml.g5.xlrge"): "6: steps.sft.instance_type: "
    "SageMaker has no training instance type 'ml.g5.xlrge'. Did you mean 'ml.g5.xlarge'?",
    ("objective: sft", "objective: sft, instance_count: 0"): "6: steps.sft.instance_count: "
    "expected a number at least 1, found 0.",
    # paths
    ("data: ./rows.jsonl", "data: rows.jsonl"): f"5: steps.split.data: {PATH} 'rows.jsonl'. Write "
    "'./rows.jsonl'.",
    ("data: ./rows.jsonl", "data: https://a.org/b"): f"5: steps.split.data: {PATH} "
    "'https://a.org/b'. Download it, and write the path of the file or folder.",
    ("data: ./rows.jsonl", "data: gs://a/b"): f"5: steps.split.data: {PATH} 'gs://a/b'. Download "
    "it, and write the path of the file or folder.",
    ("data: ./rows.jsonl", "data: s3a://a/b"): f"5: steps.split.data: {PATH} 's3a://a/b'. Write "
    "'s3://a/b'.",
    ("data: ./rows.jsonl", r"data: C:\rows"): f"5: steps.split.data: {PATH} 'C:\\rows'. Write the "
    "path from / or from ./ on, with slashes.",
    ("data: ./rows.jsonl", "data: ~/rows"): f"5: steps.split.data: {PATH} '~/rows'. Write the path "
    "from / or from ./ on.",
    ("data: ./rows.jsonl", "data: ./rowz.jsonl"): "5: steps.split.data: there is no file or folder "
    "'rowz.jsonl'. Check the path.",
    ("data: ./rows.jsonl", "data: ./empty"): "5: steps.split.data: the folder 'empty' holds no "
    "files. Copy files there, or name another.",
    ("s3://models/base/", "acme/base"): f"6: steps.sft.model_name_or_path: {PATH} 'acme/base'. "
    "Write 'hf://acme/base' for a model of the hub, './acme/base' for a folder.",
    ("s3://models/base/", "./base"): "6: steps.sft.model_name_or_path: there is no file or folder "
    "'base'. Check the path.",
    ("s3://models/base/", "./own.py"): "6: steps.sft.model_name_or_path: 'own.py' is a file, and a "
    "model is a folder. Name the folder that holds config.json and *.safetensors.",
    ("./own.py", "./onw.py"): "10: steps.own.script: there is no file 'onw.py'. Check the path.",
    ("./own.py", "./empty"): "10: steps.own.script: expected a Python file such as ./clean.py, "
    "found './empty'.",
    # references
    ("data: $split}", "data: $slpit}"): "6: steps.sft.data: there is no step 'slpit'. Did you mean "
    "'split'?",
    ("data: $split}", "data: $split.tset}"): "6: steps.sft.data: step 'split' has no output "
    "'tset'. Did you mean 'test'?",
    ("data: $split}", "data: $split.test}"): "6: steps.sft.data: '$split.test' holds sealed test "
    "rows. Write '$split'; the test rows are for `evaluate` and `generate`.",
    ("model: $sft.model", "model: $sft.metrics"): "7: steps.exam.model: step 'sft' has no output "
    "'metrics'. The outputs are: model.",
    ("$params.Limit", "$params.Limt"): "10: steps.own.arguments.n: there is no parameter 'Limt'. "
    "Did you mean 'Limit'?",
    ("$exam.metrics.loss", "$exam.loss"): "8: steps.ok.conditions[0].metric: expected "
    "$step.metrics.NAME, found '$exam.loss'.",
    # secrets
    ("arguments: {n: $params.Limit}", "environment: {A: hf_abcdefghijklmnopqrstuvwxyzABCDEFGH}"):
    "10: steps.own.environment.A: this looks like a Hugging Face token. Keep it in Secrets "
    f"Manager, {SECRETS}",
    ("n: $params.Limit", "n: AKIAIOSFODNN7EXAMPLE"): "10: steps.own.arguments.n: this looks like "
    "an AWS access key. Keep it in Secrets Manager, "
    f"{SECRETS}",
}  # fmt: skip


@pytest.mark.parametrize("change", WRONG, ids=lambda change: change[1])
def test_a_typo_is_told_with_its_line_and_the_cure(fmo: Checked, change: tuple[str, str]) -> None:
    assert SPEC.count(change[0]) >= 1
    (fmo.folder / "rows.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    (fmo.folder / "own.py").write_text("print()\n")
    (fmo.folder / "empty").mkdir()
    (fmo.folder / "spec.yaml").write_text(SPEC.replace(*change, 1))
    done = fmo("validate", "spec.yaml")
    assert (done.code, done.stdout) == (2, "")
    told = [line for line in done.stderr.splitlines() if not line.startswith("warning")]
    assert f"FMO110 spec.yaml:{WRONG[change]}" in told
    # What is missing because of the typo may be told as well, in a line before it.
    assert len(told) <= 2


TEXTS = {
    "": "FMO110 spec.yaml: the spec is empty. Write `name:` and `steps:`.",
    "just words": "FMO110 spec.yaml: the spec is the value 'just words', not a mapping. Write "
    "`name:` and `steps:`.",
    "- a": "FMO110 spec.yaml: the spec is a list, not a mapping. Write `name:` and `steps:`.",
    "name: a\nsteps: {}": "FMO110 spec.yaml:2: steps: expected at least 1 entry, found an empty "
    "mapping.",
    "name: a\nsteps:\n\tb: {}": "FMO110 spec.yaml:3: this is not YAML at line 3, column 1: found "
    "character '\\t' that cannot start any token. Indent with spaces, not with tabs.",
    "name: a\nsteps:\n  b: {}\n c: {}": "FMO110 spec.yaml:4: this is not YAML at line 4, column 2: "
    "this line does not fit the ones above it. Indent this line like its neighbours.",
    "name: 'a": "FMO110 spec.yaml:1: this is not YAML at line 1, column 7: found unexpected end of "
    "stream. Close the quote.",
    "name: {a": "FMO110 spec.yaml:1: this is not YAML at line 1, column 7: expected ',' or '}', "
    "but got the stream end. Close the bracket or brace, or add the comma.",
    "name: !!python/name:os.system x": "FMO110 spec.yaml:1: name: the tag '!!python/name:os.system'"
    " is not allowed. Write a plain value.",
}


@pytest.mark.parametrize("text", TEXTS)
def test_text_that_is_no_spec_is_told_with_its_line(fmo: Checked, text: str) -> None:
    (fmo.folder / "spec.yaml").write_text(text)
    done = fmo("validate", "spec.yaml")
    assert done.code == 2
    assert TEXTS[text] in done.stderr.splitlines()


def test_utf_16_and_a_byte_order_mark_are_told_apart(fmo: Checked) -> None:
    spec = fmo.folder / "spec.yaml"
    (fmo.folder / "rows.jsonl").write_text('{"text": "a"}\n')
    text = "name: a\r\nsteps: {split: {kind: dataset, data: ./rows.jsonl}}\r\n"
    spec.write_bytes(text.encode("utf-16"))
    assert fmo("validate", "spec.yaml").stderr == (
        "FMO110 spec.yaml:1: the file is not UTF-8: it is UTF-16. Save it as UTF-8.\n"
    )
    spec.write_bytes(text.encode("utf-8-sig"))
    assert fmo("validate", "spec.yaml").code == 0


def test_a_wrong_definition_names_its_file_in_every_line(fmo: Checked) -> None:
    (fmo.folder / "p.json").write_text('{"Version": 3, "Steps": [{"Name": "a"}, 4]}')
    done = fmo("run", "p.json")
    assert done.code == 2
    assert done.stderr.splitlines()
    assert all(line.startswith("FMO120 p.json: ") for line in done.stderr.splitlines())
    assert not (fmo.folder / ".fmo").exists()
