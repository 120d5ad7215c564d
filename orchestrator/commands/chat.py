"""`chat`: ask a model, and the one it was made from, side by side."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from orchestrator.commands.options import PATH, home_option
from orchestrator.commands.terminal import Output, finite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from orchestrator.commands.chat_models import Cast
    from orchestrator.commands.chat_view import View
    from orchestrator.local.conversation import Answer, Conversation
    from orchestrator.local.lineage import Wording

RAW, AUTO = "raw", "auto"


@click.command()
@click.argument("model", required=False)
@click.option(
    "--base", metavar="MODEL", help="Compare with this model, or none. [default: as in its exam]"
)
@click.option(
    "--prompts", "prompts_file", metavar="FILE", type=PATH,
    help="Answer these: one prompt a line, or JSON lines with `prompt`.",
)  # fmt: skip
@click.option(
    "--prompt-template", metavar="NAME",
    help="Word prompts by this template of kind dataset, `raw` or `auto`. "
    "[default: as in training]",
)  # fmt: skip
@click.option(
    "--max-new-tokens", default=256, show_default=True, type=click.IntRange(1),
    help="Tokens after which an answer is cut.",
)  # fmt: skip
@click.option(
    "--temperature", default=0.0, show_default=True, type=click.FloatRange(0, 10),
    help="0 takes the likeliest token; higher ones vary more.",
)  # fmt: skip
@home_option
@click.option(
    "--json", "as_json", is_flag=True,
    help="Print one JSON object a line, for each prompt; text for people goes to stderr.",
)  # fmt: skip
def chat(
    model: str | None,
    base: str | None,
    prompts_file: Path | None,
    prompt_template: str | None,
    max_new_tokens: int,
    temperature: float,
    home_path: Path,
    *,
    as_json: bool,
) -> int:
    """Ask a model, and its base model beside it.

    MODEL is a registered model (NAME or NAME/VERSION), a step's (EXECUTION/STEP, or EXECUTION for
    its last), or a folder. Without it, the newest registered model answers.
    """
    from orchestrator.commands import chat_models, executions
    from orchestrator.commands.chat_prompts import read_prompts
    from orchestrator.commands.chat_view import view_of
    from orchestrator.local.conversation import Conversation, Sampling

    output = Output(as_json=as_json)
    prompts = read_prompts(prompts_file) if prompts_file else None
    cast = chat_models.find_cast(model, base, executions.open_home(home_path))
    wording = _wording(prompt_template, cast.model.origin.wording)
    models = cast.asked()
    _introduce(output, cast)
    with Conversation(os.environ) as conversation:
        worded = conversation.load(models, wording, Sampling(max_new_tokens, temperature))
        source = f", as step {wording.step} did for training" if wording.step else ""
        output.say(f"prompts: {worded[chat_models.MODEL]}{source}", style="dim")
        view = view_of(output.results, [one.name for one in models])
        return _converse(conversation, view, output, prompts)


def _converse(
    conversation: Conversation, view: View, output: Output, prompts: list[str] | None
) -> int:
    """Ask every prompt; return the exit code: 1 if one of a file's could not be asked."""
    refused = 0
    is_typed = prompts is None and sys.stdin.isatty() and sys.stdout.isatty()
    with _ends_quietly(is_typed=is_typed):
        for prompt in _asked(output, prompts, is_typed=is_typed):
            with _ends_answers(conversation):
                answers = view.show(conversation.ask(prompt, together=view.together))
            _print_json(output, prompt, answers)
            refused += any(answer.reason == "refused" for answer in answers)
    if not (prompts and refused):
        return 0
    output.say(f"{refused} of {len(prompts)} prompts could not be asked")
    return 1


def _asked(output: Output, prompts: list[str] | None, *, is_typed: bool) -> Iterator[str]:
    from rich.text import Text

    from orchestrator.commands.chat_prompts import typed_prompts
    from orchestrator.commands.chat_view import printable

    found: Iterable[str] = prompts or typed_prompts(sys.stdin, is_terminal=is_typed)
    for number, prompt in enumerate(found):
        if not is_typed:
            blank = "\n" if number else ""
            output.results.print(
                Text(f"{blank}> {printable(prompt)}", style="bold"), soft_wrap=True
            )
        yield prompt


@contextmanager
def _ends_quietly(*, is_typed: bool) -> Iterator[None]:
    """Take Ctrl-C at the prompt as the end of the chat."""
    try:
        yield
    except KeyboardInterrupt:
        if not is_typed:
            raise
        click.echo()


@contextmanager
def _ends_answers(conversation: Conversation) -> Iterator[None]:
    """Let Ctrl-C end the answer; a second one ends the chat."""

    def end(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        conversation.interrupt()

    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _wording(template: str | None, trained: Wording) -> Wording:
    from typing import get_args

    from orchestrator.errors import InputError, Problem
    from orchestrator.local.lineage import Wording
    from orchestrator.spec.dataset import PromptTemplate

    if template is None:
        return trained
    known = (*get_args(PromptTemplate), RAW, AUTO)
    if template not in known:
        what = f"there is no template '{template}'"
        raise InputError(Problem("--prompt-template", what, f"Use one of {', '.join(known)}."))
    return Wording(template, None if template == RAW else trained.system_prompt)


def _introduce(output: Output, cast: Cast) -> None:
    """Say who answers, before the models are loaded."""
    if cast.base:
        output.say(f"base: {cast.base.label}", style="dim")
    output.say(f"model: {cast.model.label}", style="dim")


def _print_json(output: Output, prompt: str, answers: list[Answer]) -> None:
    from orchestrator.commands.chat_view import answers_to_json

    if output.as_json:
        document = finite(answers_to_json(prompt, answers))
        output.write(json.dumps(document, ensure_ascii=False) + "\n")
