"""Which container images this machine can stand in for."""

from __future__ import annotations

import re

_REPOSITORIES = re.compile(
    r"""
      (huggingface-)?pytorch-(training|inference)(-[a-z0-9]+)*  # AWS Deep Learning Containers
    | sagemaker-scikit-learn
    """,
    re.VERBOSE,
)
_ECR = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.[a-z0-9.-]+/(?P<repository>[^:@]+)([:@].*)?")


def has_provider(uri: str) -> bool:
    """Return whether a job of image `uri` can run here: by the Python that runs `fmo`."""
    match = _ECR.fullmatch(uri)
    return bool(match and _REPOSITORIES.fullmatch(match["repository"]))
