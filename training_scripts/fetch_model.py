"""Download a model of the Hugging Face hub into a folder, safetensors only.

    python3 fetch_model.py Qwen/Qwen3-0.6B --revision=main --output=./qwen
    python3 fetch_model.py Qwen/Qwen3-0.6B --list

Needs `huggingface_hub`. A private or gated model needs a token in the variable HF_TOKEN. The last
line on stderr says what went wrong.
"""

from __future__ import annotations

import argparse
import errno
import fnmatch
import json
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NOT_INSTALLED = "huggingface_hub is not installed. Run: pip install 'fm-orchestrator[train]'"
MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?")
WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
WANTED = (
    *WEIGHTS,
    "config.json",
    "generation_config.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "chat_template*",
    "LICENSE*",
    "NOTICE*",
)
"""What transformers reads; no pickled weights, no other framework's."""
UNWANTED = ("*/*",)
"""Folders such as `onnx/` and `original/` hold the same weights again."""


def main() -> int:
    """Download what the arguments name; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model_id")
    parser.add_argument("--revision", default="main")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--output", type=Path, help="The folder to download into.")
    what.add_argument("--list", action="store_true", help="Only print commit and files, as JSON.")
    parser.add_argument("--no-weights", action="store_true", help="Settings and tokenizer only.")
    parser.add_argument("--only", metavar="FILE", help="This file and no other.")
    arguments = parser.parse_args()
    if arguments.list:
        problem = show(arguments.model_id, arguments.revision)
    else:
        wanted = WANTED[len(WEIGHTS) :] if arguments.no_weights else WANTED
        only = (arguments.only,) if arguments.only else wanted
        problem = fetch(arguments.model_id, arguments.revision, arguments.output, only)
    if problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def show(model_id: str, revision: str) -> str:
    """Print commit and files of a model as JSON; return what went wrong in one line, or ''."""
    if not MODEL_ID.fullmatch(model_id):
        return f"{model_id!r} is no model id. Write owner/name, as on huggingface.co."
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ImportError:
        return NOT_INSTALLED
    try:
        hub = huggingface_hub.HfApi()
        info = hub.model_info(model_id, revision=revision, files_metadata=True)
    except (errors.HTTPError, OSError, ValueError) as error:
        return explain(error, model_id, revision)
    files = [file for file in info.siblings or () if _is_wanted(file.rfilename)]
    problem = _weights_problem(model_id, [file.rfilename for file in info.siblings or ()])
    if problem:
        return problem
    print(
        json.dumps({"commit": info.sha, "files": {file.rfilename: _facts(file) for file in files}})
    )
    return ""


def fetch(model_id: str, revision: str, folder: Path, wanted: Sequence[str] = WANTED) -> str:
    """Download a model into `folder`; return what went wrong in one line, or ''."""
    if not MODEL_ID.fullmatch(model_id):
        return f"{model_id!r} is no model id. Write owner/name, as on huggingface.co."
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ImportError:
        return NOT_INSTALLED
    try:
        info = huggingface_hub.HfApi().model_info(model_id, revision=revision)
        problem = _weights_problem(model_id, [file.rfilename for file in info.siblings or ()])
        if problem:
            return problem
        huggingface_hub.snapshot_download(
            model_id,
            # The commit, so that a branch that moves meanwhile does not mix two versions.
            revision=info.sha or revision,
            local_dir=folder,
            allow_patterns=list(wanted),
            ignore_patterns=list(UNWANTED),
        )
    except (errors.HTTPError, OSError, ValueError) as error:
        return explain(error, model_id, revision)
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    print(f"fetched {model_id} at {info.sha or revision}", flush=True)
    return ""


def explain(error: Exception, model_id: str, revision: str) -> str:
    """Return in one line why the hub did not give the model, and what to do."""
    from huggingface_hub import errors

    # The order matters: a gated repository is a kind of repository not found.
    match error:
        case errors.GatedRepoError():
            return (
                f"{model_id} is gated. Accept its terms on huggingface.co/{model_id} "
                "and set HF_TOKEN to a token of that account."
            )
        case errors.RepositoryNotFoundError():
            return (
                f"the hub has no model {model_id!r}, or it is private. "
                "Check the spelling, or set HF_TOKEN."
            )
        case errors.RevisionNotFoundError():
            return f"{model_id} has no revision {revision!r}. Use main, a tag or a commit."
        case errors.HfHubHTTPError():
            status = getattr(error.response, "status_code", "an error")
            return f"the hub answered {status} for {model_id}. Try again later."
        case OSError() if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return (
                f"no space is left on the disk for {model_id}. "
                "Free some space, or let FMO_HOME name a folder on another disk."
            )
        case OSError() if error.filename:
            return f"{error.filename}: {error.strerror}. Check who may write there."
        case _:
            return (
                f"the hub cannot be reached for {model_id} ({_short(error)}). "
                "Check the network, or give a local folder or an s3:// URI."
            )


def _is_wanted(name: str) -> bool:
    return "/" not in name and any(fnmatch.fnmatch(name, pattern) for pattern in WANTED)


def _facts(file: Any) -> dict[str, Any]:
    """Return size and hash: SHA-256 of a file in large-file storage, else git's own."""
    if file.lfs is not None:
        return {"size_bytes": file.size, "sha256": file.lfs.sha256}
    return {"size_bytes": file.size, "git_sha1": file.blob_id}


def _weights_problem(model_id: str, names: Iterable[str]) -> str:
    top = [name for name in names if "/" not in name]
    if any(name.endswith(".safetensors") for name in top):
        return ""
    pickled = sorted(name for name in top if name.endswith((".bin", ".pt", ".pth", ".ckpt")))
    found = f" (found: {', '.join(pickled[:3])})" if pickled else ""
    return f"{model_id} has no safetensors weights{found}. Choose a model that has."


def _short(error: Any) -> str:
    text = re.sub(r"\[Errno -?\d+\] ", "", " ".join(str(error).split())) or "no answer"
    return text if len(text) <= 200 else text[:197] + "..."


if __name__ == "__main__":
    sys.exit(main())
