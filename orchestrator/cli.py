"""The command `fmo`: its commands in groups, and the one place where errors become exit codes.

Exit codes: 0 done; 1 the run failed (a step or a gate said no); 2 the input is wrong and nothing
was started; 3 AWS refused or could not be reached.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

import click

from orchestrator.commands import check, cloud, config, execute, past
from orchestrator.commands.chat import chat
from orchestrator.commands.data import data
from orchestrator.commands.deploy import deploy, diff
from orchestrator.commands.infra import infra
from orchestrator.commands.lock import lock
from orchestrator.commands.models import models
from orchestrator.commands.retry import retry
from orchestrator.commands.schedule import schedule
from orchestrator.commands.start import init
from orchestrator.commands.terminal import INTERRUPTED, Failure, Output
from orchestrator.errors import DiskFullError, FmoError, InputError, Problem, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

GROUPS = {
    "Start": (init, data, check.validate, check.plan),
    "Run here": (execute.run, execute.resume, past.runs, past.why, past.report, models, chat),
    "Run on AWS": (
        infra,
        lock,
        diff,
        deploy,
        schedule,
        cloud.start,
        cloud.status,
        cloud.logs,
        cloud.pull,
        cloud.stop,
        retry,
    ),
    "Tools": (check.compile_command, config.config, check.schema),
}
CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
DEBUG = "--debug"
"""Taken anywhere among the arguments, so that it can be added to a command that failed."""
BUG = 70
"""EX_SOFTWARE of sysexits.h: neither the run nor the input is to blame."""
CURES = {
    errno.ENOSPC: "Free some space and try again.",
    errno.EACCES: "Check who may read and write it.",
    errno.EPERM: "Check who may read and write it.",
    errno.EROFS: "Name a folder on a disk that can be written.",
    errno.ENAMETOOLONG: "Use a shorter path.",
}
"""What to do when the system refuses a file, by its reason."""
AGAIN = "interrupted; to go on, type the same command again"
BROKEN_PIPE = 141
"""128 + SIGPIPE: whoever read stdout left."""


class GroupedCommands(click.Group):
    """A group whose help lists commands by what a person does."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section for each of `GROUPS`, their texts in one column."""
        width = max(len(name) for name in self.list_commands(ctx))
        for title, commands in GROUPS.items():
            rows = [
                (f"{command.name:<{width}}", command.get_short_help_str(limit=200))
                for command in commands
            ]
            with formatter.section(title):
                formatter.write_dl(rows)


@click.group(cls=GroupedCommands, context_settings=CONTEXT_SETTINGS)
@click.version_option(package_name="fm-orchestrator", prog_name="fmo")
@click.option(DEBUG, is_flag=True, expose_value=False, help="Show the traceback of an error.")
def fmo() -> None:
    """One spec, one SageMaker Pipelines definition, and a real run of it on this machine."""


for _commands in GROUPS.values():
    for _command in _commands:
        fmo.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `fmo` and exit with its code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if DEBUG not in given:
        sys.excepthook = tell_of_a_bug
    sys.exit(run(given))


def run(arguments: Sequence[str]) -> int:
    """Run `fmo` with `arguments` and return its exit code."""
    _reopen_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows its escape, instead of ending the run.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    output = Output(as_json="--json" in arguments)
    try:
        parsed = [argument for argument in arguments if argument != DEBUG]
        code = fmo.main(args=parsed, prog_name="fmo", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would complain again when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (KeyboardInterrupt, click.Abort):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # A second one would only add noise.
        output.say(AGAIN)
        return INTERRUPTED
    except click.ClickException as error:
        return _usage_error(error, output)
    except (FmoError, OSError) as error:
        if DEBUG in arguments:
            traceback.print_exc()
        failure = Failure.of(error) if isinstance(error, FmoError) else _refused_by_system(error)
        output.fail(failure)
        return failure.exit_code
    return code if isinstance(code, int) else 0


def tell_of_a_bug(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> NoReturn:
    """Say in one line what nobody foresaw, in place of a traceback, and exit with `BUG`."""
    del trace
    if _is_interrupt(error):
        Output(as_json=False).say(AGAIN)
        sys.exit(INTERRUPTED)
    what = f"this is a bug of fmo: {kind.__name__}: {error}"
    fix = f"Run it again with {DEBUG} to see where, and report that."
    failure = Failure(FmoError.code, BUG, (Problem("", what, fix),))
    Output(as_json="--json" in sys.argv).fail(failure)
    sys.exit(BUG)


def _is_interrupt(error: BaseException | None) -> bool:
    """Return whether Ctrl-C is behind `error`: a class that is being made hides it."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _reopen_closed_streams() -> None:
    """Give streams that the caller closed (`>&-`) somewhere to go.

    Else the next file that is opened, such as the journal, would be what jobs write to.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            mode = os.O_RDONLY if number == 0 else os.O_WRONLY
            os.dup2(os.open(os.devnull, mode), number)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w"))


def _refused_by_system(error: OSError) -> Failure:
    what = (error.strerror or str(error)).lower().rstrip(".")
    is_full = error.errno == errno.ENOSPC
    fix = CURES.get(error.errno or 0, "Check that the path can be used.")
    problem = Problem(str(error.filename or ""), what, fix)
    return Failure(
        (DiskFullError if is_full else StoreError).code, StoreError.exit_code, (problem,)
    )


def _usage_error(error: click.ClickException, output: Output) -> int:
    if error.message.startswith("Usage: "):  # Nothing was typed after a group: its help.
        error.show(file=sys.stderr)
        return error.exit_code
    from orchestrator.commands.usage import usage_problem

    failure = Failure(InputError.code, InputError.exit_code, (usage_problem(error),))
    output.fail(failure)
    return failure.exit_code
