"""The defaults files of the SageMaker SDK: role, bucket, key, network and tags of jobs.

An administrator of Studio writes them for everybody. Read from this machine only; the SDK itself is
not needed for it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import InputError, Problem
from orchestrator.spec.findings import Findings
from orchestrator.spec.reader import decode_spec, read_document

if TYPE_CHECKING:
    from orchestrator.spec.composer import Tree

NAME = "config.yaml"
OVERRIDES = ("SAGEMAKER_ADMIN_CONFIG_OVERRIDE", "SAGEMAKER_USER_CONFIG_OVERRIDE")
"""Variables that name other files: of the administrator, of the user."""
JOB = "SageMaker.TrainingJob"
ROLES = ("SageMaker.Pipeline.RoleArn", f"{JOB}.RoleArn")
BUCKET = "SageMaker.PythonSDK.Modules.Session.DefaultS3Bucket"
TAGS = ("SageMaker.Pipeline.Tags", f"{JOB}.Tags")


@dataclass(frozen=True)
class SdkDefaults:
    """What the files say; None and empty where they say nothing."""

    files: tuple[Path, ...] = ()
    """Those that are there."""
    role_arn: str | None = None
    bucket: str | None = None
    kms_key_id: str | None = None
    subnets: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    network_isolation: bool = False


def read_sdk_defaults(environ: Mapping[str, str]) -> SdkDefaults:
    """Return what the administrator's file says, and over it the user's.

    Args:
        environ: The caller's environment, which may name other files.

    Raises:
        InputError: If a file that a variable names is not there, or one says what it may not.
    """
    files = tuple(file for file in _files(environ) if file.is_file())
    tree: Mapping[str, Tree] = {}
    for file in files:
        tree = _over(_read(file), tree)
    told = _Told(tree, files[-1] if files else Path(NAME))
    return SdkDefaults(
        files=files,
        role_arn=told.text(*ROLES),
        bucket=told.text(BUCKET),
        kms_key_id=told.text(f"{JOB}.OutputDataConfig.KmsKeyId"),
        subnets=told.texts(f"{JOB}.VpcConfig.Subnets"),
        security_group_ids=told.texts(f"{JOB}.VpcConfig.SecurityGroupIds"),
        tags={key: value for path in reversed(TAGS) for key, value in told.tags(path).items()},
        network_isolation=told.at(f"{JOB}.EnableNetworkIsolation") is True,
    )


def _files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return both files; the user's is the last."""
    found = []
    for variable, folder in zip(OVERRIDES, _folders(environ), strict=True):
        given = environ.get(variable)
        path = Path(given) if given else folder
        file = path / NAME if not given or path.is_dir() else path
        if given and not file.is_file():
            fix = "Name a file of this machine; copy one that is in S3."
            raise InputError(Problem(variable, f"there is no file {given!r}", fix))
        found.append(file)
    return tuple(found)


def _folders(environ: Mapping[str, str]) -> tuple[Path, Path]:
    """Return where the files are unless a variable says otherwise, as platformdirs has it."""
    home = Path(environ.get("HOME") or Path.home())
    if sys.platform == "darwin":
        support = Path("Library", "Application Support", "sagemaker")
        return Path("/") / support, home / support
    site = environ.get("XDG_CONFIG_DIRS", "").partition(":")[0] or "/etc/xdg"
    user = environ.get("XDG_CONFIG_HOME") or str(home / ".config")
    return Path(site, "sagemaker"), Path(user, "sagemaker")


def _read(file: Path) -> Mapping[str, Tree]:
    findings = Findings(file, {})
    text = decode_spec(file.read_bytes(), file=file)
    tree = read_document(text, findings, noun="file", keys="`SageMaker:`")
    findings.raise_problems()
    return tree


@dataclass(frozen=True)
class _Told:
    """Members of the files, by their path."""

    tree: Mapping[str, Tree]
    file: Path

    def at(self, path: str) -> Tree:
        found: Tree = dict(self.tree)
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def text(self, *paths: str) -> str | None:
        """Return the first that is there."""
        for path in paths:
            value = self.at(path)
            if isinstance(value, str):
                return value
            if value is not None:
                raise self._wrong(path, value, "text")
        return None

    def texts(self, path: str) -> tuple[str, ...]:
        value = self.at(path)
        if value is None:
            return ()
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise self._wrong(path, value, "a list")
        return tuple(map(str, value))

    def tags(self, path: str) -> dict[str, str]:
        pairs = self.at(path) or []
        if not isinstance(pairs, Sequence) or isinstance(pairs, str):
            raise self._wrong(path, pairs, "a list of Key and Value")
        return {
            str(pair["Key"]): str(pair["Value"])
            for pair in pairs
            if isinstance(pair, Mapping) and {"Key", "Value"} <= set(pair)
        }

    def _wrong(self, path: str, value: Tree, wanted: str) -> InputError:
        return InputError(Problem(path, f"found {value!r}", f"Write {wanted}.", file=self.file))


def _over(own: Mapping[str, Tree], base: Mapping[str, Tree]) -> dict[str, Tree]:
    """Return `own` with what only `base` has; a list of `own` wins whole."""
    merged = {**base, **own}
    for name in set(own) & set(base):
        mine, other = own[name], base[name]
        if isinstance(mine, dict) and isinstance(other, dict):
            merged[name] = _over(mine, other)
    return merged
