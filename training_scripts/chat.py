"""Answer questions with one or two models, token by token, for a program that shows them.

    python -m training_scripts.chat

One JSON object a line, both ways. The first line on stdin says what to load:
`{"models": [{"name", "folder", "under"}], "wording": {"template", "system_prompt"},
"max_new_tokens", "temperature", "seed"}`; each further one asks: `{"prompt", "together"}`. On
stdout: `ready`, then for each question `piece` (a model and more of its text), one `end` a model
(the whole text, tokens, seconds, and the reason: `end`, `length`, `interrupted` or `refused`) and
`answered`; or `error`, after which it ends. SIGINT ends an answer, the end of stdin everything.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from training_scripts.container import JobFailure, fail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from training_scripts.evaluation.language_model import LanguageModel
    from training_scripts.evaluation.streaming import Sampling
    from training_scripts.evaluation.wording import Wording

Send: TypeAlias = "Callable[[dict[str, Any]], None]"
LIBRARIES = ("torch", "transformers", "safetensors", "numpy")


def main() -> int:
    """Answer what stdin asks; return the exit code."""
    send = protocol()
    interruption = Interruption()
    signal.signal(signal.SIGINT, interruption.ask)
    try:
        require_libraries()
        serve(sys.stdin, send, interruption)
    except JobFailure as failure:
        send({"event": "error", "message": str(failure)})
        return 1
    except BrokenPipeError:
        return 0  # Whoever asked is gone.
    return 0


class Interruption:
    """Whether somebody wants the answer to end."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, *_: object) -> None:
        """End the answer before its next token."""
        self.asked = True


def protocol() -> Send:
    """Return how to send an event on stdout, which from now on nothing else can write to."""
    lines = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii")
    # What libraries print must not stand between the events.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def send(event: dict[str, Any]) -> None:
        lines.write(json.dumps(event) + "\n")
        lines.flush()

    return send


def require_libraries(
    has_module: Callable[[str], bool] = lambda name: importlib.util.find_spec(name) is not None,
) -> None:
    """Raise JobFailure if a library is missing, with what to install."""
    missing = [name for name in LIBRARIES if not has_module(name)]
    if missing:
        fail(f"{missing[0]} is not installed. Run: pip install 'fm-orchestrator[train]'")


def serve(lines: Iterable[str], send: Send, interruption: Interruption) -> None:
    """Load the models that the first line names, and answer the others."""
    from training_scripts.evaluation.streaming import Sampling
    from training_scripts.evaluation.wording import Wording

    requests = (json.loads(line) for line in lines)
    setup = next(requests, None)
    if setup is None:
        return
    speakers = load_speakers(setup["models"], Wording(**setup["wording"]))
    names = ("max_new_tokens", "temperature", "seed")
    sampling = Sampling(**{name: setup[name] for name in names})
    wordings = {speaker.name: speaker.wording.template for speaker in speakers}
    send({"event": "ready", "device": str(speakers[0].model.device), "wordings": wordings})
    for request in requests:
        interruption.asked = False
        together = [speakers] if request["together"] else [[speaker] for speaker in speakers]
        for group in together:
            talks = [Talk(speaker, request["prompt"], sampling, send) for speaker in group]
            converse(talks, interruption)
        send({"event": "answered"})


@dataclass(frozen=True)
class Speaker:
    """A model that answers."""

    name: str
    model: LanguageModel
    wording: Wording


def load_speakers(models: Sequence[Mapping[str, Any]], wording: Wording) -> list[Speaker]:
    """Return the models, loaded.

    Raises:
        JobFailure: If a folder holds none, or one that cannot be read.
    """
    from safetensors import SafetensorError
    from transformers.utils import logging

    from training_scripts.evaluation.language_model import load_model

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    speakers = []
    for entry in models:
        folder, under = Path(entry["folder"]), entry["under"]
        if not folder.is_dir():
            fail(f"{folder}: there is no such folder. Name one that holds a model.")
        try:
            model = load_model(folder, base=Path(under) if under else None)
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            fail(f"{folder}: the model there cannot be loaded ({reason}).")
        speakers.append(Speaker(entry["name"], model, wording.for_tokenizer(model.tokenizer)))
    return speakers


def converse(talks: list[Talk], interruption: Interruption) -> None:
    """Let the models write, a token of each in turn, until all have ended."""
    while talks:
        if interruption.asked:
            for talk in talks:
                talk.end("interrupted")
            return
        talks = [talk for talk in talks if talk.go_on()]


class Talk:
    """One model's answer to one question, sent while it grows."""

    def __init__(self, speaker: Speaker, question: str, sampling: Sampling, send: Send) -> None:
        from training_scripts.evaluation.streaming import GrowingText, stream
        from training_scripts.evaluation.wording import prompt_ids

        self._name, self._send = speaker.name, send
        self._started = time.perf_counter()
        self._text = GrowingText(speaker.model.tokenizer)
        prompt = prompt_ids(question, speaker.wording, speaker.model.tokenizer)
        self._refusal = refusal(prompt, speaker.model)
        room = context_length(speaker.model) - len(prompt)
        self._most = min(sampling.max_new_tokens, room)
        self._tokens = stream(speaker.model, prompt, replace(sampling, max_new_tokens=self._most))

    def go_on(self) -> bool:
        """Send the next token's text; return whether more may come."""
        token = None if self._refusal else next(self._tokens, None)
        if token is None:
            is_cut = len(self._text) >= self._most
            self.end("refused" if self._refusal else "length" if is_cut else "end")
            return False
        added = self._text.add(token)
        if added:
            self._send({"event": "piece", "model": self._name, "text": added})
        return True

    def end(self, reason: str) -> None:
        """Send the whole answer and why it ended."""
        self._send(
            {
                "event": "end",
                "model": self._name,
                "text": self._text.text,
                "tokens": len(self._text),
                "seconds": time.perf_counter() - self._started,
                "reason": reason,
                "message": self._refusal,
            }
        )


def context_length(model: LanguageModel) -> int:
    """Return how many tokens fit into the model, question and answer together."""
    return getattr(model.model.config, "max_position_embeddings", None) or sys.maxsize


def refusal(prompt: Sequence[int], model: LanguageModel) -> str:
    """Return why the prompt cannot be asked; empty if it can."""
    if not prompt:
        return "the prompt is empty. Ask something."
    most = context_length(model)
    if len(prompt) < most:
        return ""
    return f"the prompt has {len(prompt):,} tokens, and the model takes {most:,}. Shorten it."


if __name__ == "__main__":
    sys.exit(main())
