"""What the compiler knows of each kind agrees with the catalogue and the library of scripts."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.catalog.instances import instance_types
from orchestrator.compiler.kind_facts import job_facts, kind_facts
from orchestrator.compiler.sources import TRAINING_SCRIPTS
from orchestrator.spec.models import step_models

ONE_OF_EACH = """
steps:
  clean: {kind: processing, script: ./clean.py, inputs: {rows: ./rows}, outputs: {kept: jsonl}}
  split: {kind: dataset, data: $clean.kept}
  sft: {kind: train, objective: sft, model_name_or_path: s3://models/base/, data: $split}
  write: {kind: generate, model: $sft, data: $split.test}
  exam: {kind: evaluate, model: $sft, data: $split.test}
  decide: {kind: gate, conditions: [{metric: $exam.metrics.loss, max: 4}], passes: {model: $sft}}
  tuned: {kind: bedrock, customization_type: fine_tuning, data: $split,
    base_model_identifier: amazon.nova-lite-v1:0:300k}
  taken: {kind: bedrock_import, model: $sft}
  llama: {kind: jumpstart, model_id: meta-textgeneration-llama-3-1-8b, data: $split}
  publish: {kind: register, model: $decide.model, model_package_group_name: support}
"""


def test_every_kind_compiles_to_the_step_type_it_is_said_to(project: Any, steps_of: Any) -> None:
    plan = project.plan(ONE_OF_EACH)
    assert {step.spec.kind for step in plan.steps} == set(step_models())
    compiled = steps_of(project.compile(ONE_OF_EACH))
    for step in plan.steps:
        name = f"{step.name}-gate" if step.spec.kind == "gate" else step.name
        assert compiled[name].type == kind_facts(step.spec).step_type


def test_every_job_has_a_default_instance_that_its_service_offers(project: Any) -> None:
    for step in project.plan(ONE_OF_EACH).steps:
        facts = kind_facts(step.spec)
        if facts.job:
            use = "training" if facts.step_type == "Training" else "processing"
            assert facts.job.instance_type in instance_types(use)


def test_every_script_of_the_library_exists(project: Any) -> None:
    jobs = (kind_facts(step.spec).job for step in project.plan(ONE_OF_EACH).steps)
    scripts = [job.script for job in jobs if job and job.script]
    assert len(scripts) == 6
    assert all((TRAINING_SCRIPTS / script).is_file() for script in scripts)


def test_a_kind_without_a_job_has_no_image(project: Any) -> None:
    with pytest.raises(ValueError, match="a step of kind 'register' runs no job"):
        job_facts(project.plan(ONE_OF_EACH).step("publish").spec)
