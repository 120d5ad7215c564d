"""The code of one step's job: the launcher, its script, and the modules that both import."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.compiler.files import check_inside, naming_unreadable, read_code_folder
from orchestrator.compiler.imports import import_closure
from orchestrator.compiler.kind_facts import job_facts
from orchestrator.compiler.tracking import with_libraries
from orchestrator.errors import Problem, SpecError
from orchestrator.spec.fields import JobModel
from orchestrator.spec.own_script import own_script
from orchestrator.spec.suggest import did_you_mean
from orchestrator.spec.train import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.plan.model import PlannedStep
    from orchestrator.spec.own_script import OwnScript

LAUNCHER = "launch.py"
CONFIG = "config.json"
REQUIREMENTS = "requirements.txt"
LIBRARY_PACKAGE = "training_scripts"


@dataclass(frozen=True)
class StepCode:
    """The code that one step's job needs, without `config.json`."""

    script: str
    """The script's path below the asset's root."""
    files: Mapping[str, bytes]
    """Path below the asset's root to bytes; holds `launch.py` and `script`."""


@dataclass
class CodeReader:
    """Reads each file once, however many steps need it."""

    folder: Path
    """The spec's folder."""
    scripts: Path
    """The folder of `training_scripts`."""
    seen: dict[Path, bytes | None] = field(default_factory=dict)
    closures: dict[tuple[str, Path | None], dict[str, bytes]] = field(default_factory=dict)

    def step_code(self, step: PlannedStep) -> StepCode | None:
        """Return the code of `step`; None if it runs no script.

        Raises:
            SpecError: If a file is missing, not Python, too large, or outside its folder.
        """
        spec = step.spec
        if not isinstance(spec, JobModel):
            return None
        own = own_script(spec)
        if own is not None:
            code = self._user_code(step.name, own)
        else:
            script = job_facts(spec).script
            files = self._closure(script, None, f"steps.{step.name}")
            code = StepCode(script, {**files, **self._reward_files(step.name, spec, files)})
        content = self._requirements(step.name, spec)
        return StepCode(code.script, {**code.files, REQUIREMENTS: content}) if content else code

    def _user_code(self, step: str, own: OwnScript) -> StepCode:
        if own.source_dir is not None:
            return self._source_folder(step, own, self.folder / own.source_dir)
        where = f"steps.{step}.script"
        path = self.folder / own.script
        self._must_read(path, where)
        _refuse_reserved(path.name, where)
        return StepCode(path.name, self._closure(path.name, path.parent, where))

    def _reward_files(
        self, step: str, spec: JobModel, ours: Mapping[str, bytes]
    ) -> dict[str, bytes]:
        """The files of the user's that hold reward functions, and what they import."""
        found: dict[str, bytes] = {}
        for name, reward in spec.rewards.items() if isinstance(spec, TrainSpec) else ():
            if reward.function is None:
                continue
            where = f"steps.{step}.rewards.{name}.function"
            path = self.folder / reward.function.partition(":")[0]
            self._must_read(path, where)
            _refuse_reserved(path.name, where)
            for file, content in self._closure(path.name, path.parent, where).items():
                if {**ours, **found}.get(file, content) != content:
                    what = f"'{file}' beside the function is the name of another file of the job"
                    raise SpecError(Problem(where, what, "Rename it."))
                found[file] = content
            _defines(found[path.name], reward.function.partition(":")[2], where)
        return found

    def _requirements(self, step: str, spec: JobModel) -> bytes:
        """What the job must install: as the user lists it, for trackers, and for its trainer."""
        written = b""
        if spec.requirements is not None:
            path = self.folder / spec.requirements
            written = self._must_read(path, f"steps.{step}.requirements")
        return with_libraries(written, spec)

    def _source_folder(self, step: str, own: OwnScript, source: Path) -> StepCode:
        files = read_code_folder(source, f"steps.{step}.source_dir")
        where = f"steps.{step}.script"
        script = _path_below(source, self.folder / own.script) or own.script.removeprefix("./")
        if script not in files:
            what = f"there is no script '{own.script}' in the source_dir '{own.source_dir}'"
            raise SpecError(Problem(where, what, "Name a script inside it."))
        for name in files:
            _refuse_reserved(name.split("/")[0], f"steps.{step}.source_dir")
        python = [name for name in files if name.endswith(".py")]
        imported = self._parsed([LAUNCHER, *python], files, None, where)
        return StepCode(script, {**imported, **files})

    def _closure(self, script: str, beside: Path | None, where: str) -> dict[str, bytes]:
        """The launcher, the script and what both import; `beside` is a user's script's folder."""
        if (script, beside) not in self.closures:
            known = {LAUNCHER: self._must_read(self.scripts / LAUNCHER, where)}
            if beside is None:
                known[script] = self._must_read(self.scripts / script, where)
            closure = self._parsed([LAUNCHER, script], known, beside, where)
            self.closures[script, beside] = closure
        return self.closures[script, beside]

    def _parsed(
        self, entries: list[str], known: Mapping[str, bytes], beside: Path | None, where: str
    ) -> dict[str, bytes]:
        def read(path: str) -> bytes | None:
            return known[path] if path in known else self._find(path, beside, where)

        try:
            return import_closure(entries, read)
        except SyntaxError as error:
            what = f"{error.filename}, line {error.lineno}, is not Python: {error.msg}"
            raise SpecError(Problem(where, what)) from error

    def _find(self, path: str, beside: Path | None, where: str) -> bytes | None:
        package, _, rest = path.partition("/")
        if path == LAUNCHER:
            return self._read(self.scripts / path, where)
        if package == LIBRARY_PACKAGE:
            return self._read(self.scripts / rest, where)
        if beside is None or not (beside / path).is_file():
            return None
        check_inside(beside / path, beside, where)
        return self._read(beside / path, where)

    def _must_read(self, path: Path, where: str) -> bytes:
        content = self._read(path, where)
        if content is None:
            raise SpecError(Problem(where, f"there is no file '{path}'", "Check the path."))
        return content

    def _read(self, path: Path, where: str) -> bytes | None:
        if path not in self.seen:
            with naming_unreadable(where):
                self.seen[path] = path.read_bytes() if path.is_file() else None
        return self.seen[path]


def _path_below(folder: Path, path: Path) -> str | None:
    """`path` relative to `folder`; None if it lies elsewhere."""
    folder, path = folder.resolve(), path.resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else None


def _defines(source: bytes, function: str, where: str) -> None:
    """Refuse a file that has no function of this name at its top level."""
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    known = [node.name for node in ast.parse(source).body if isinstance(node, functions)]
    if function not in known:
        hint = did_you_mean(function, known, noun="functions") or "Write the function there."
        raise SpecError(Problem(where, f"the file defines no function {function!r}", hint))


def _refuse_reserved(name: str, where: str) -> None:
    if name in {LAUNCHER, CONFIG, LIBRARY_PACKAGE}:
        what = f"the name '{name}' is taken by a part of the job's code folder"
        raise SpecError(Problem(where, what, "Rename it."))
