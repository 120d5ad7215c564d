"""Pipelines that hold each step type the SDK can write, compiled by the SDK."""

from __future__ import annotations

import json
import re
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from recorder import checks, flow, jobs, models
from recorder.session import offline_session
from sagemaker.mlops.workflow.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator


def record() -> Iterator[tuple[str, dict[str, object]]]:
    """Yield a name and a definition for each pipeline."""
    session = offline_session()
    with TemporaryDirectory() as folder:
        prepare = jobs.processing(session, folder)
        steps = [
            prepare,
            jobs.training(session, prepare, folder),
            jobs.tuning(session, folder),
            jobs.transform(session),
        ]
        yield "jobs", compiled(session, steps, jobs.PARAMETERS)
        yield "flow", compiled(session, flow.steps(session, folder), flow.PARAMETERS)
    yield "models", compiled(session, models.steps(session), [])
    yield "checks", compiled(session, checks.steps(session), [])


def compiled(session, steps, parameters) -> dict[str, object]:
    pipeline = Pipeline(
        name="Oracle", parameters=parameters, steps=steps, sagemaker_session=session
    )
    # The SDK puts the time and the path of the script into S3 keys: the same pipeline compiles to
    # other bytes each time.
    text = re.sub(r"-\d{10,17}(?=[/\"])", "-TIME", pipeline.definition())
    return json.loads(re.sub(r"/code/[0-9a-f]{64}/", "/code/HASH/", text))
