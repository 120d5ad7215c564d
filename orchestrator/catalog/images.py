"""Container images by region: what the SageMaker SDK's tables say, shipped as data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias

ImageName: TypeAlias = Literal[
    "pytorch-training-cpu",
    "pytorch-training-gpu",
    "huggingface-training-gpu",
    "huggingface-inference-cpu",
    "huggingface-inference-gpu",
    "scikit-learn-cpu",
    "clarify",
    "model-monitor",
    "vllm-gpu",
]
"""What runs where:

- `pytorch-training-cpu`, `-gpu`: torch 2.10, Python 3.13; transformers must be installed.
- `huggingface-training-gpu`: torch 2.9, transformers 5.3, Python 3.12. There is none for CPU.
- `huggingface-inference-cpu`, `-gpu`: torch 2.6, transformers 5.5.3, peft 0.18, Python 3.12; serves
  models, and the one for CPU trains and examines them too.
- `scikit-learn-cpu`: scikit-learn and pandas, no torch.
- `clarify`, `model-monitor`: AWS's own programs for ClarifyCheck and QualityCheck steps.
- `vllm-gpu`: vLLM for SageMaker endpoints, set by `SM_VLLM_...` variables (`vllm-server` 2).
"""


@dataclass(frozen=True)
class _Image:
    repository: str
    tag: str | None
    accounts: dict[str, str]
    """Region to the account whose registry holds it."""


def image_uri(name: ImageName, region: str) -> str:
    """Return the ECR address of an image in a region.

    Raises:
        LookupError: If AWS does not offer it there.
    """
    image = _images()[name]
    account = image.accounts.get(region)
    if account is None:
        msg = f"there is no image {name} in region {region!r}"
        raise LookupError(msg)
    domain = _data()["domains"].get(region, "amazonaws.com")
    tag = f":{image.tag}" if image.tag else ""
    return f"{account}.dkr.ecr.{region}.{domain}/{image.repository}{tag}"


def is_account_of_aws(account: str) -> bool:
    """Return whether one of the registries of AWS's images is in `account`."""
    return any(account in registry.values() for registry in _data()["registries"].values())


def regions(name: ImageName) -> tuple[str, ...]:
    """Return the regions in which an image is offered, sorted."""
    return tuple(sorted(_images()[name].accounts))


@cache
def _images() -> dict[str, _Image]:
    data = _data()
    return {
        name: _Image(
            repository=entry["repository"],
            tag=entry["tag"],
            accounts={
                region: account
                for region, account in data["registries"][entry["registry"]].items()
                if region not in entry.get("not_in", ())
            },
        )
        for name, entry in data["images"].items()
    }


@cache
def _data() -> dict[str, dict[str, dict[str, str]]]:
    text = files("orchestrator.catalog").joinpath("images.json").read_text(encoding="utf-8")
    data: dict[str, dict[str, dict[str, str]]] = json.loads(text)
    return data
