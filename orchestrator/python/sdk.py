"""Pipelines of the SageMaker Python SDK, run on this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from orchestrator import flow, flow_local
from orchestrator.compiler.environment import LOCAL
from orchestrator.definition.model import definition_bytes
from orchestrator.interop import sagemaker_sdk
from orchestrator.local.store import Store
from orchestrator.python.builder import NOTHING, as_text
from orchestrator.python.home import open_home
from orchestrator.python.notebook import current_display

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.interop.sagemaker_sdk import SdkPipeline
    from orchestrator.results.model import ExecutionResult
    from orchestrator.spec.fields import Scalar


def local_session(home: str | Path | None = None, *, region: str = LOCAL.region) -> Any:
    """Return a `PipelineSession` of the SDK that reaches no AWS; it uploads to the local store.

    Args:
        home: Whose store; `FMO_HOME` or `.fmo` if None.
        region: Of the images that the SDK looks up.

    Raises:
        InputError: If the SDK is not installed.
        RegionError: If no region is set, without which the SDK cannot be imported.
    """
    place = open_home(home)
    place.make()
    return sagemaker_sdk.local_session(Store(place.store), bucket=LOCAL.bucket, region=region)


def run_sdk(
    pipeline: SdkPipeline,
    *,
    parameters: Mapping[str, Scalar] = NOTHING,
    workers: int = 2,
    use_cache: bool = True,
    home: str | Path | None = None,
) -> ExecutionResult:
    """Run a pipeline of the SDK on this machine, show how it goes, and return how it ended.

    Build it with `local_session`, so that its scripts are in the store of the same `home`.

    Args:
        pipeline: A `sagemaker` `Pipeline`.
        parameters: Values for this execution, by name.
        workers: Steps that run at once.
        use_cache: Whether a step may take what an equal one made before.
        home: Store, journal and executions; `FMO_HOME` or `.fmo` if None.

    Raises:
        InputError: With every problem of the definition, and all that cannot run here.
    """
    data = definition_bytes(sagemaker_sdk.from_sdk(pipeline))
    prepared = flow.Prepared(data, pipeline.name, source={"definition": "the SageMaker SDK's"})
    display = current_display()
    with display.running() as listener:
        result = flow_local.run_prepared(
            prepared,
            open_home(home),
            parameters={name: as_text(value) for name, value in parameters.items()},
            how=flow_local.HowToRun(listener, os.environ, workers=workers, use_cache=use_cache),
        )
    display.end(result)
    return result
