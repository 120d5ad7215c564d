"""`lock`: what only a service knows is asked once, and pinned in a file beside the spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orchestrator.commands.options import env_option, json_option, spec_argument
from orchestrator.commands.terminal import Output
from orchestrator.results.figures import plural

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.compiler.lock import Lock, LockedJumpstart
    from orchestrator.flow_lock import Unlocked
    from orchestrator.results.model import Json


@click.command()
@spec_argument
@click.option(
    "--check", is_flag=True, help="Ask and write nothing; fail if the lock is not the spec's."
)
@click.option(
    "--jumpstart", "jumpstart", multiple=True, metavar="MODEL_ID[@VERSION]",
    help="Also pin what JumpStart trains this model with, in the region of --env. Repeatable.",
)  # fmt: skip
@env_option
@json_option
def lock(
    file: Path, jumpstart: tuple[str, ...], env: str | None, *, check: bool, as_json: bool
) -> None:
    """Pin the models that a spec names: each branch or tag of the hub to its commit and files.

    With --env also what JumpStart trains the steps of kind jumpstart with, in that region.

    The lock is written beside the spec, as NAME.lock.json, and belongs into version control. It
    holds for every environment of fmo.yaml. Locking again takes what is newest.
    """
    from orchestrator import flow_lock
    from orchestrator.commands.writing import write_file
    from orchestrator.compiler.lock import Lock, lock_bytes, lock_path
    from orchestrator.specs import find_lock

    output = Output(as_json=as_json)
    specs, found, path = flow_lock.read_spec(file), find_lock(file), lock_path(file)
    before = found.lock if found else Lock()
    if check:
        flow_lock.check_lock(before, specs, path)
        output.show(f"{path}: as the spec names it")
        output.document(_document(path, before, before))
        return
    asked = _to_ask(jumpstart, env, specs, before)
    kept = {**before.jumpstart, **_jumpstart(file, asked, env)}
    made = flow_lock.make_lock(specs).model_copy(update={"jumpstart": kept})
    if made.is_empty and found is None:
        output.show("nothing to lock: the spec names no model of the hub")
    else:
        write_file(path, lock_bytes(made))
        output.show(*_lines(before, made))
        output.say(f"written: {path}")
    output.document(_document(path, before, made))


def _to_ask(
    given: tuple[str, ...], env: str | None, specs: tuple[Unlocked, ...], before: Lock
) -> tuple[str, ...]:
    """The models of JumpStart to ask for: without an environment those that are not pinned."""
    from orchestrator.compiler.lock import is_pinned
    from orchestrator.flow_lock import jumpstart_names

    named = jumpstart_names(specs)
    return (*given, *(one for one in named if env is not None or not is_pinned(one, before)))


def _jumpstart(
    file: Path, names: tuple[str, ...], env: str | None
) -> Mapping[str, LockedJumpstart]:
    from orchestrator import flow_lock
    from orchestrator.aws.clients import connect
    from orchestrator.errors import InputError, Problem

    if not names:
        return {}
    if env is None:
        what = "what JumpStart trains with differs from region to region, and none is given"
        raise InputError(Problem("--env", what, "Add --env NAME."))
    return flow_lock.lock_jumpstart(names, connect(flow_lock.region_of(file, env)))


def _lines(before: Lock, after: Lock) -> list[str]:
    """Return a line for each model: what it is now, and whether that is news."""
    lines = []
    for name, model in sorted(after.hub.items()):
        known = before.hub.get(name)
        files = f"{plural(len(model.files), 'file')}, {model.size_bytes:,} bytes"
        if known is None:
            said = "new"
        else:
            said = "no change" if known == model else f"was {known.commit[:12]}"
        lines.append(f"{name}  {model.commit[:12]}  {files}  {said}")
    lines += [f"{name}  removed" for name in sorted(before.hub.keys() - after.hub.keys())]
    lines += [f"jumpstart {name}  {one.version}" for name, one in sorted(after.jumpstart.items())]
    return lines


def _document(path: Path, before: Lock, after: Lock) -> dict[str, Json]:
    return {
        "file": str(path),
        "changed": before != after,
        "lock": after.model_dump(mode="json", exclude_none=True),
    }
