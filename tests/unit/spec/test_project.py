"""`fmo.yaml`: what is refused, what an environment inherits, and which default wins."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from orchestrator.errors import InputError, SpecError
from orchestrator.plan.secrets import no_secret_stands_in
from orchestrator.spec.load import LoadedSpec, load_spec_with_lines
from orchestrator.spec.models import step_models
from orchestrator.spec.project import (
    NOT_SHARED,
    CardField,
    EnvironmentSpec,
    KindDefaults,
    PolicySpec,
    SecretSpec,
)
from orchestrator.spec.project_file import find_project
from orchestrator.spec.project_load import Project, load_project
from orchestrator.spec.provenance import fields_of_step
from orchestrator.spec.register import ModelCardSpec

FILE = Path("fmo.yaml")
PROJECT = """\
defaults:
  train: {lr: 1e-4, environment: {TEAM: all, REGION: none}}
environments:
  base:
    region: eu-central-1
    tags: {team: support, stage: none}
    defaults: {train: {lora_r: 8}}
  prod:
    extends: base
    role_arn: arn:aws:iam::222222222222:role/fmo
    bucket: acme-prod
    tags: {stage: prod}
    defaults: {train: {lora_r: 64, environment: {REGION: eu}}}
"""
SPEC = """\
name: support
steps:
  sft:
    kind: train
    objective: sft
    method: lora
    model_name_or_path: hf://acme/base
    data: ./rows.jsonl
    environment: {TEAM: mine}
"""


def project(text: str = PROJECT, **fields: str) -> Project:
    return load_project(text, file=FILE, **fields)


def problems(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        project(text)
    return [str(problem) for problem in caught.value.problems]


def merged(env: str | None, **overrides: str) -> LoadedSpec:
    named = {path.replace("__", "."): value for path, value in overrides.items()}
    return load_spec_with_lines(
        SPEC, file=Path("spec.yaml"), overrides=named, layers=project().layers(env)
    )


def sources(loaded: LoadedSpec) -> dict[str, str]:
    fields = fields_of_step(loaded, "sft", Path("spec.yaml"))
    return {field.name: f"{field.text} from {field.source}" for field in fields}


def test_a_misspelt_key_is_refused_with_its_line_and_a_guess() -> None:
    text = "defaults:\n  train:\n    lerning_rate: 1e-4\nenviroments: {}\n"
    assert problems(text) == [
        "fmo.yaml:3: defaults.train.lerning_rate: there is no key 'lerning_rate' here. "
        "Did you mean 'learning_rate'?",
        "fmo.yaml:4: enviroments: there is no key 'enviroments' here. Did you mean 'environments'?",
    ]


def test_a_value_of_the_wrong_form_says_what_is_expected() -> None:
    text = "environments:\n  prod:\n    region: Frankfurt\n    bucket: s3://acme\n"
    assert problems(text) == [
        "fmo.yaml:3: environments.prod.region: expected an AWS region such as eu-central-1, "
        "found 'Frankfurt'.",
        "fmo.yaml:4: environments.prod.bucket: expected a bucket's name, without s3:// and without "
        "a path, found 's3://acme'.",
    ]


def test_queues_and_topics_are_given_as_their_services_name_them() -> None:
    text = "environments:\n  prod:\n    callback_queue_url: fmo\n    notify_topic_arn: fmo\n"
    text += "    scheduler_dead_letter_arn: fmo\n"
    assert problems(text) == [
        "fmo.yaml:3: environments.prod.callback_queue_url: expected the URL of a queue, "
        "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME, found 'fmo'.",
        "fmo.yaml:4: environments.prod.notify_topic_arn: expected the ARN of a topic, "
        "arn:aws:sns:REGION:ACCOUNT:NAME, found 'fmo'.",
        "fmo.yaml:5: environments.prod.scheduler_dead_letter_arn: expected the ARN of a queue, "
        "arn:aws:sqs:REGION:ACCOUNT:NAME, found 'fmo'.",
    ]


@pytest.mark.parametrize("name", sorted(NOT_SHARED))
def test_a_default_cannot_say_what_a_step_is_or_where_it_stands(name: str) -> None:
    (problem,) = problems(f"defaults:\n  train:\n    {name}: train\n")
    assert f"there is no key '{name}' here" in problem


def test_environments_that_extend_each_other_are_refused_once() -> None:
    text = "environments:\n  a: {extends: b}\n  b: {extends: c}\n  c: {extends: a}\n"
    assert problems(text) == [
        "fmo.yaml:2: environments.a.extends: the environments extend each other: a -> b -> c -> a. "
        "Remove `extends` from one of them."
    ]


def test_an_environment_that_extends_nothing_known_is_refused() -> None:
    text = "environments:\n  base: {region: us-east-1}\n  prod: {extends: bsae}\n"
    assert problems(text) == [
        "fmo.yaml:3: environments.prod.extends: there is no environment 'bsae'. "
        "Did you mean 'base'?"
    ]


def test_an_empty_file_is_refused() -> None:
    assert problems("") == [
        "fmo.yaml: the file is empty. Write `defaults:`, `environments:`, `policy:` or `secrets:`."
    ]


def test_a_secret_is_declared_by_name_or_arn() -> None:
    arn = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:acme/hf-AbCdEf"
    found = project(
        f"secrets:\n  hf: {{secret_id: acme/hf, key: token, env: MY_TOKEN}}\n"
        f"  whole: {{secret_id: '{arn}'}}\n"
    ).secrets
    hf = found["hf"]
    assert (hf.secret_id, hf.key, hf.env) == ("acme/hf", "token", "MY_TOKEN")
    assert found["whole"].secret_id == arn


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("{secret_id: acme hf}", "secret_id: expected the name or ARN of a secret in Secrets"),
        ("{key: token}", "secret_id: the key 'secret_id' is missing"),
        ("{secret_id: a, env: MY-TOKEN}", "env: expected a variable's name: letters, digits and"),
        ("{secret_id: a, region: us-east-1}", "region: there is no key 'region' here."),
        ("{secret_id: AKIA" + "Z" * 16 + "}", "secret_id: this looks like an AWS access key"),
    ],
)
def test_a_wrong_declaration_of_a_secret_is_refused(told: str, said: str) -> None:
    text = f"secrets:\n  hf: {told}\n"
    if "AKIA" in told:
        with pytest.raises(SpecError) as caught:
            no_secret_stands_in(project(text))
        found = [str(problem) for problem in caught.value.problems]
    else:
        found = problems(text)
    assert len(found) == 1
    assert found[0].startswith(f"fmo.yaml:2: secrets.hf.{said}")


def test_a_policy_names_step_kinds_that_exist() -> None:
    (problem,) = problems("policy:\n  required_before:\n    register: [evalute]\n")
    assert problem == (
        "fmo.yaml:3: policy.required_before.register[0]: there is no step kind 'evalute'. "
        "Did you mean 'evaluate'?"
    )


def test_an_unknown_environment_lists_the_known_ones() -> None:
    with pytest.raises(InputError) as caught:
        project().environment("prd")
    assert str(caught.value) == (
        "--env: there is no environment 'prd' in fmo.yaml. Did you mean 'prod'? "
        "The environments are: base, prod."
    )


def test_an_environment_has_what_it_extends_and_its_own_values_win() -> None:
    found = project().environment("prod")
    assert found.region == "eu-central-1"
    assert found.tags == {"team": "support", "stage": "prod"}


def test_an_environment_without_a_value_that_it_needs_is_refused_when_it_is_used() -> None:
    with pytest.raises(SpecError) as caught:
        project().environment("base")
    assert [str(problem) for problem in caught.value.problems] == [
        f"fmo.yaml:4: environments.base: the key '{key}' is missing. "
        f"Add `{key}:`, there or in an environment that it extends."
        for key in ("role_arn", "bucket")
    ]


def test_a_value_given_by_an_option_need_not_be_in_the_file() -> None:
    given = {"role_arn": "arn:aws:iam::222222222222:role/fmo", "bucket": "mine"}
    assert project().environment("base", given).region == "eu-central-1"


def test_subnets_without_security_groups_are_refused() -> None:
    text = PROJECT.replace("bucket: acme-prod", "bucket: acme-prod\n    subnets: [subnet-1]")
    with pytest.raises(SpecError, match="a VPC needs 'security_group_ids' too"):
        project(text).environment("prod")


def test_an_environments_policy_wins_field_by_field() -> None:
    text = (
        "policy: {encryption_required: true, required_model_card_fields: [caveats]}\n"
        "environments:\n  dev: {policy: {encryption_required: false}}\n"
    )
    policy = project(text).policy("dev")
    assert (policy.encryption_required, policy.required_model_card_fields) == (False, ("caveats",))
    assert project(text).policy(None).encryption_required


def test_the_spec_wins_over_the_environment_and_that_over_the_file() -> None:
    step = merged("prod").spec.steps["sft"]
    assert step.kind == "train"
    assert (step.learning_rate, step.lora_r) == (1e-4, 64)
    assert step.environment == {"TEAM": "mine", "REGION": "eu"}


def test_each_value_says_where_it_came_from() -> None:
    found = sources(merged("prod", steps__sft__max_length="512"))
    assert found["learning_rate"] == "0.0001 from fmo.yaml:2 (defaults)"
    assert found["lora_r"] == "64 from fmo.yaml:13 (environments.prod.defaults)"
    assert found["environment.TEAM"] == "mine from spec.yaml:9"
    assert found["environment.REGION"] == "eu from fmo.yaml:13 (environments.prod.defaults)"
    assert found["max_length"] == "512 from --set"
    assert found["seed"] == "42 from built-in default"


def test_an_option_wins_over_a_default() -> None:
    found = sources(merged(None, steps__sft__environment__REGION="us"))
    assert found["environment.REGION"] == "us from --set"


def test_a_default_that_contradicts_a_step_is_told_with_its_own_line() -> None:
    layers = project("defaults:\n  train:\n    global_batch_size: 7\n").layers(None)
    with pytest.raises(SpecError) as caught:
        load_spec_with_lines(SPEC, file=Path("spec.yaml"), layers=layers)
    assert str(caught.value) == (
        "fmo.yaml:3: steps.sft.global_batch_size (defaults.train.global_batch_size): 7 is not a "
        "multiple of per_device_train_batch_size (8). Write 8."
    )


def test_a_path_in_a_default_is_relative_to_its_own_file() -> None:
    text = "defaults: {train: {requirements: ./requirements.txt}}"
    layers = project(text, up="../../").layers(None)
    step = load_spec_with_lines(SPEC, layers=layers).spec.steps["sft"]
    assert step.kind == "train"
    assert step.requirements == "../../requirements.txt"


def test_the_nearest_file_above_the_spec_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (tmp_path / "fmo.yaml").write_text("policy: {}\n", encoding="utf-8")
    found = find_project(folder / "spec.yaml")
    assert (found.file, found.up) == (tmp_path / "fmo.yaml", "../../")
    (tmp_path / "a" / "fmo.yaml").write_text("policy: {}\n", encoding="utf-8")
    assert find_project(folder / "spec.yaml").up == "../"


def test_every_step_kind_may_have_defaults() -> None:
    assert list(KindDefaults.model_fields) == list(step_models())


def test_a_policy_can_ask_for_every_field_of_a_model_card() -> None:
    assert get_args(CardField) == tuple(ModelCardSpec.model_fields)


PAGE = Path(__file__).parents[3] / "docs" / "environments.md"


def test_the_file_on_the_page_is_read() -> None:
    text = PAGE.read_text(encoding="utf-8")
    example = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0]
    found = project(example)
    assert found.environment("prod").tags == {"stage": "prod", "team": "support"}
    assert found.policy("prod").encryption_required
    assert not found.policy("dev").encryption_required


def test_the_page_names_every_key_of_environments_policy_and_secrets() -> None:
    text = PAGE.read_text(encoding="utf-8")
    keys = [*EnvironmentSpec.model_fields, *PolicySpec.model_fields, *SecretSpec.model_fields]
    assert [key for key in keys if f"`{key}`" not in text] == []
