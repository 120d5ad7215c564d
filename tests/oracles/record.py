"""Record what the SageMaker Python SDK answers, as JSON files beside this one.

Run by `make oracles` where `sagemaker` is installed (the `sdk` extra, 990 MB); the tests read the
files, so that nobody needs the SDK to run them. Nothing here reaches AWS.

    python tests/oracles/record.py
"""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent

# The SDK asks for a region and credentials while it is imported, and for the role's policies later.
os.environ.update(
    AWS_DEFAULT_REGION="us-east-1",
    AWS_ACCESS_KEY_ID="nobody",
    AWS_SECRET_ACCESS_KEY="nothing",  # noqa: S106 - offline
    AWS_EC2_METADATA_DISABLED="true",
    SAGEMAKER_VALIDATE_ROLE="false",
)


def write(name: str, content: dict[str, object]) -> None:
    """Write one fixture with the SDK's version in it."""
    document = {"recorded_from": f"sagemaker {version('sagemaker')}", **content}
    path = HERE / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{path.name}: {path.stat().st_size} bytes\n")


def main() -> None:
    sys.path.insert(0, str(HERE))
    from recorder import images, pipelines  # noqa: PLC0415 - after the environment is set

    write("images", images.record())
    for name, definition in pipelines.record():
        write(name, {"definition": definition})


if __name__ == "__main__":
    main()
