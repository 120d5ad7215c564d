"""Models that answer in a process of their own, which has torch: a line of JSON each way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, cast

from orchestrator.errors import DataError, Problem, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from orchestrator.local.lineage import Wording

ROOT = Path(__file__).parents[2]
"""Where the package `training_scripts` lies, in a checkout and in an installation."""
# -P: a folder with a `tokenize.py` or `random.py` must not come before Python's own.
COMMAND = (sys.executable, "-P", "-m", "training_scripts.chat")


@dataclass(frozen=True)
class AskedModel:
    """A model to ask, and what its answers are called."""

    name: str
    folder: Path
    under: Path | None = None
    """The model under an adapter."""


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen."""

    max_new_tokens: int
    temperature: float
    seed: int = 42


@dataclass(frozen=True)
class Piece:
    """More of a model's answer."""

    model: str
    text: str


@dataclass(frozen=True)
class Answer:
    """A model's whole answer."""

    model: str
    text: str
    tokens: int
    seconds: float
    reason: str
    """`end`, `length`, `interrupted`, or `refused` with a message."""
    message: str = ""


class Conversation:
    """A process that answers. A context ends it."""

    def __init__(
        self, environ: Mapping[str, str], command: Sequence[str] = COMMAND, root: Path = ROOT
    ) -> None:
        self._errors = cast("IO[bytes]", TemporaryFile())  # noqa: SIM115
        paths = [*filter(None, [environ.get("PYTHONPATH")]), str(root)]
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**environ, "PYTHONPATH": os.pathsep.join(paths)},
            text=True,
            encoding="utf-8",
            # Ctrl-C in a terminal goes to the whole foreground group; `interrupt` says it alone.
            start_new_session=True,
        )

    def __enter__(self) -> Conversation:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def load(
        self, models: Sequence[AskedModel], wording: Wording, sampling: Sampling
    ) -> Mapping[str, str]:
        """Load the models; return how each one's prompts are worded.

        Raises:
            DataError: If one cannot be loaded, or the libraries for it are missing.
            RunError: If the process dies.
        """
        entries = [
            {"name": m.name, "folder": str(m.folder), "under": str(m.under) if m.under else None}
            for m in models
        ]
        words = {"template": wording.template, "system_prompt": wording.system_prompt}
        self._send({"models": entries, "wording": words, **asdict(sampling)})
        return dict(self._event()["wordings"])

    def ask(self, prompt: str, *, together: bool) -> Iterator[Piece | Answer]:
        """Yield the models' answers as they grow.

        Args:
            prompt: What is asked.
            together: The models write a token each in turn, instead of one after the other.
        """
        self._send({"prompt": prompt, "together": together})
        while (event := self._event())["event"] != "answered":
            kind = event.pop("event")
            yield Piece(**event) if kind == "piece" else Answer(**event)

    def interrupt(self) -> None:
        """End the answer that is being given."""
        self._process.send_signal(signal.SIGINT)

    def _send(self, message: Mapping[str, object]) -> None:
        stdin = cast("IO[str]", self._process.stdin)
        try:
            stdin.write(json.dumps(message) + "\n")
            stdin.flush()
        except BrokenPipeError as error:
            if self._process.poll() == 1:  # It has said why, which is still to be read.
                return
            raise self._death() from error

    def _event(self) -> dict[str, Any]:
        line = cast("IO[str]", self._process.stdout).readline()
        if not line:
            raise self._death()
        event: dict[str, Any] = json.loads(line)
        if event["event"] == "error":
            raise DataError(Problem("", str(event["message"]).rstrip(".")))
        return event

    def _death(self) -> RunError:
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        if code == -signal.SIGKILL:
            return RunError(
                "the models' process was killed, as the system does when memory runs out. "
                "Ask one model alone: --base none."
            )
        reason = said[-1] if said else f"exit status {code}"
        return RunError(f"the models' process ended: {reason.rstrip('.')}.")
