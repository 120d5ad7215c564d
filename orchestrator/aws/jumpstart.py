"""What JumpStart trains a model with, read from its bucket: image, weights, script, defaults.

The files are those that the SageMaker SDK reads (`jumpstart/cache.py`): a manifest of all models,
and one specification for each version.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator.definition.results import did_you_mean
from orchestrator.errors import InputError, NotFoundError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.aws.clients import Aws

MANIFEST = "models_manifest.json"
BUCKET = "jumpstart-cache-prod"
GATED_BUCKET = "jumpstart-private-cache-prod"
"""Of models whose terms have to be accepted."""
TYPES = ("int", "float", "bool", "text")
"""Of hyperparameters whose values can be checked."""
VARIANTS = (("regional_aliases", "regional_properties"), ("aliases", "properties"))
"""Where a specification keeps images and how it names them, for all regions or for its own."""


@dataclass(frozen=True)
class Jumpstart:
    """A model's version in one region, and what trains it."""

    version: str
    region: str
    training_image_uri: str
    training_artifact_uri: str
    script_uri: str
    hyperparameters: Mapping[str, str]
    instance_type: str
    supported_instance_types: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    eula_uri: str | None = None
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Hyperparameter to its type, range and options."""


def find_jumpstart(model_id: str, version: str | None, aws: Aws) -> Jumpstart:
    """Return what trains a JumpStart model in the region of `aws`.

    Args:
        model_id: Such as `meta-textgeneration-llama-3-1-8b`.
        version: Such as `2.1.0`; None is the newest.
        aws: The region; its bucket is readable by every account.

    Raises:
        InputError: If there is no such model or version, or it cannot be trained.
        NotFoundError: If JumpStart is not in this region.
    """
    header = _header(model_id, version, _read(MANIFEST, aws))
    spec = _read(header["spec_key"], aws)
    if not spec.get("training_supported"):
        what = "JumpStart does not train this model"
        raise InputError(Problem(model_id, what, "Choose another one, or a step of kind `train`."))
    instance = spec["default_training_instance_type"]
    weights = GATED_BUCKET if spec.get("gated_bucket") else BUCKET
    script = spec.get("training_prepacked_script_key") or spec["training_script_key"]
    eula = spec.get("hosting_eula_key")
    return Jumpstart(
        version=header["version"],
        region=aws.region,
        training_image_uri=_image(model_id, spec, instance, aws.region),
        training_artifact_uri=f"s3://{weights}-{aws.region}/{spec['training_artifact_key']}",
        script_uri=f"s3://{BUCKET}-{aws.region}/{script}",
        hyperparameters={
            one["name"]: str(one["default"])
            for one in spec.get("hyperparameters", ())
            if one.get("default") is not None
        },
        instance_type=instance,
        supported_instance_types=tuple(spec.get("supported_training_instance_types", ())),
        eula_uri=f"s3://{BUCKET}-{aws.region}/{eula}" if eula else None,
        rules={one["name"]: _rule(one) for one in spec.get("hyperparameters", ())},
    )


def _rule(told: Mapping[str, Any]) -> dict[str, Any]:
    """A hyperparameter's rule, of a specification that may leave out all but the type."""
    rule: dict[str, Any] = {"type": told["type"] if told["type"] in TYPES else "text"}
    rule |= {name: told[name] for name in ("min", "max") if told.get(name) is not None}
    if told.get("options"):
        rule["options"] = tuple(str(option) for option in told["options"])
    return rule


def _read(key: str, aws: Aws) -> Any:
    try:
        body = aws.call("s3", "GetObject", Bucket=f"{BUCKET}-{aws.region}", Key=key)["Body"]
    except NotFoundError as error:
        msg = f"JumpStart has no {key} in {aws.region}. Choose a region that has JumpStart."
        raise NotFoundError(msg) from error
    return json.loads(body.read())


def _header(model_id: str, version: str | None, manifest: Any) -> Mapping[str, str]:
    found = {one["version"]: one for one in manifest if one["model_id"] == model_id}
    if not found:
        known = {one["model_id"] for one in manifest}
        what = "JumpStart has no such model in this region"
        raise InputError(Problem(model_id, what, did_you_mean(model_id, known)))
    wanted = version or max(found, key=_numbers)
    if wanted not in found:
        what = f"JumpStart has no version {wanted!r} of this model"
        raise InputError(Problem(model_id, what, f"There are {', '.join(sorted(found))}."))
    return dict(found[wanted])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split("."))


def _image(model_id: str, spec: Mapping[str, Any], instance: str, region: str) -> str:
    """Return the training image of an instance type; the whole type wins over its family."""
    variants = spec.get("training_instance_type_variants") or {}
    for aliases_name, properties_name in VARIANTS:
        aliases = variants.get(aliases_name) or {}
        aliases = aliases.get(region, {}) if aliases_name == "regional_aliases" else aliases
        for name in (instance, instance.split(".")[1]):
            properties = variants.get("variants", {}).get(name, {}).get(properties_name, {})
            image = properties.get("image_uri", "")
            if image.removeprefix("$") in aliases:
                return str(aliases[image.removeprefix("$")])
    if spec.get("training_ecr_uri"):
        return str(spec["training_ecr_uri"])
    what = f"its specification names no training image for {instance} in {region}"
    raise InputError(Problem(model_id, what, "Choose a newer version of the model."))
