"""Pipelines of the SageMaker Python SDK: a definition becomes one, and one becomes a definition.

The SDK (extra `sdk`, 990 MB) is imported by the functions that need its classes, never before.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import NoRegionError

from orchestrator.aws.shapes import load_shapes
from orchestrator.definition.reader import parse_definition
from orchestrator.definition.validation import validate
from orchestrator.errors import DefinitionError, InputError, Problem, RegionError

if TYPE_CHECKING:
    from types import ModuleType

    from orchestrator.definition.model import Definition
    from orchestrator.local.store import Store

INSTALL = "Install it: pip install 'fm-orchestrator[sdk]'."


class SdkPipeline(Protocol):
    """What is asked of a pipeline of the SDK."""

    name: str

    def definition(self) -> str:
        """Return the definition JSON, which also uploads what its steps need."""


def to_sdk(definition: Definition, name: str, session: Any = None) -> Any:
    """Return a `sagemaker` `Pipeline` whose `definition()` is `definition`, to the byte.

    Its parameters and steps are the SDK's objects: more steps can be added, and `upsert()` and
    `start()` work. A step of ours is sent as it stands here; it cannot be changed there.

    Args:
        definition: Of any step types.
        name: The pipeline's; a definition has none.
        session: The SDK's session; None for one as the SDK makes it.

    Raises:
        InputError: If the SDK is not installed.
        RegionError: If there is no region, without which the SDK cannot be imported.
    """
    return _load("sdk_objects").pipeline_of(definition, name, session)


def from_sdk(pipeline: SdkPipeline) -> Definition:
    """Return the definition of a pipeline of the SDK, checked as ours are.

    Raises:
        DefinitionError: With every problem found.
    """
    definition = parse_definition(pipeline.definition().encode())
    # The SDK writes null for what is not there.
    extra = {name: value for name, value in definition.extra.items() if value is not None}
    found = replace(definition, extra=extra)
    problems = validate(found, load_shapes())
    if problems:
        raise DefinitionError(problems)
    return found


def local_session(store: Store, *, bucket: str, region: str) -> Any:
    """Return a session of the SDK that reaches no AWS; its uploads go to the local store.

    Args:
        store: Where objects go, under their `s3://` URI.
        bucket: The default bucket.
        region: Of the images that the SDK looks up.

    Raises:
        InputError: If the SDK is not installed.
        RegionError: If there is no region, without which the SDK cannot be imported.
    """
    return _load("sdk_session").session_of(store, bucket, region)


def _load(module: str) -> ModuleType:
    try:
        return import_module(f"orchestrator.interop.{module}")
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("sagemaker"):
            raise
        raise InputError(Problem("sagemaker", "it is not installed", INSTALL)) from error
    except NoRegionError as error:
        # sagemaker/ai_registry/air_hub.py makes a client while it is imported (3.27).
        what = "the SageMaker SDK cannot be imported where no region is set"
        msg = f"sagemaker: {what}. Set AWS_DEFAULT_REGION, such as AWS_DEFAULT_REGION=us-east-1."
        raise RegionError(msg) from error
