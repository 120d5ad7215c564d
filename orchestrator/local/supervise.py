"""Runs one job and leaves nothing of it behind. Started as a script, standard library only.

    python -I -S supervise.py ROOT LIMIT GRACE EXIT_FILE LOCKS COMMAND...

ROOT appears to the job as /opt/ml, unless it is empty; LIMIT and GRACE are seconds; EXIT_FILE
tells how the job ended; LOCKS are descriptors to hold until then, with commas. The job gets this
process's environment, folder and output. Its end is the end of every process it started. On
standard input, a byte means stop, and the end of input (whoever wanted the job has died) means
kill.
"""

# Importing pathlib would take 9 ms of every job's start, a third of this script's own time.
# ruff: noqa: PTH102, PTH105, PTH112, PTH114, PTH115, PTH123, PTH208, PTH211

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_CANNOT_START = 127
_LINUX = sys.platform == "linux"


def main(arguments: Sequence[str]) -> int:
    """Run the job and return its exit code, 128 and more if a signal ended it."""
    root, limit, grace, exit_file, locks, *command = arguments
    for lock in filter(None, locks.split(",")):
        os.set_inheritable(int(lock), False)  # noqa: FBT003 - it takes no keyword
    if _LINUX:
        _libc().prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if root:
        show_as_opt_ml(root)
    # The time limit, like SageMaker's, counts from the start of the container.
    supervisor = _Supervisor(_start(command), float(limit), float(grace))
    code, number, reason = supervisor.watch()
    kill_descendants(supervisor.job)
    if reason != "orphaned":
        _write_exit(exit_file, code, number, reason)
    return 128 + number if number else code


class _Supervisor:
    """Waits for the job, its time limit, and what standard input says."""

    def __init__(self, job: int, limit: float, grace: float) -> None:
        self.job = job
        self.grace = grace
        self.deadline = time.monotonic() + limit
        self.reason = ""
        self.wakeup, write = os.pipe()
        os.set_blocking(self.wakeup, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for caught in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(caught, lambda *_: None)

    def watch(self) -> tuple[int, int, str]:
        """Return exit code, signal (0 if none) and why the job was ended from here, or ""."""
        # A child that ended before the handler was set sent no wake-up: look first.
        inputs = [0, self.wakeup]
        while (status := reap(self.job)) is None:
            seconds = max(self.deadline - time.monotonic(), 0)
            ready, _, _ = select.select(inputs, [], [], min(seconds, 3600))
            if self.wakeup in ready:
                self._caught(os.read(self.wakeup, 4096))
            if 0 in ready and not self._told(os.read(0, 4096)):
                inputs.remove(0)
            if time.monotonic() >= self.deadline:
                self._expire()
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        return (0 if number else os.WEXITSTATUS(status)), number, self.reason

    def _told(self, data: bytes) -> bool:
        if data:
            self._end("stopped")
            return True
        self.reason = "orphaned"
        self._signal(signal.SIGKILL)
        return False

    def _caught(self, numbers: bytes) -> None:
        if any(number != signal.SIGCHLD for number in numbers):
            self._end("stopped")

    def _expire(self) -> None:
        if self.reason:
            self._signal(signal.SIGKILL)
            self.deadline = time.monotonic() + self.grace
        else:
            self._end("timeout")

    def _end(self, reason: str) -> None:
        if not self.reason:
            self.reason = reason
            self.deadline = time.monotonic() + self.grace
            self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        _kill(os.killpg, self.job, number)


def reap(job: int) -> int | None:
    """Collect every child that ended; return the wait status of `job` once it did."""
    found = None
    while True:
        try:
            child, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if child == 0:
            return found
        if child == job:
            found = status


def kill_descendants(job: int) -> None:
    """Kill what `job` left behind. Orphans come to this process: it is their subreaper."""
    _kill(os.killpg, job)
    while True:
        children = _children()
        for child in children:
            _kill(os.kill, child)
        try:
            ended, _ = os.waitpid(-1, 0 if children else os.WNOHANG)
        except ChildProcessError:
            return
        if not ended:
            return


def show_as_opt_ml(root: str) -> None:
    """Make `root` appear as /opt/ml to this process and its children only.

    Raises:
        OSError: If the system does not allow it.
    """
    user, group = os.getuid(), os.getgid()
    _check(_libc().unshare(_CLONE_NEWUSER | _CLONE_NEWNS), "unshare")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")
    _mount("none", "/", _MS_REC | _MS_PRIVATE)
    if not os.path.isdir("/opt/ml"):
        _add_to_opt("ml")
    _mount(root, "/opt/ml", _MS_BIND | _MS_REC)


def _add_to_opt(name: str) -> None:
    """Cover /opt, which only root may change, with a folder of the same entries and `name`."""
    entries = [f"/opt/{entry}" for entry in os.listdir("/opt")]
    links = {entry: os.readlink(entry) for entry in entries if os.path.islink(entry)}
    held = {entry: os.open(entry, os.O_PATH) for entry in entries if entry not in links}
    _mount("tmpfs", "/opt", 0, "tmpfs")
    for entry, target in links.items():
        os.symlink(target, entry)
    for entry, descriptor in held.items():
        source = f"/proc/self/fd/{descriptor}"
        if os.path.isdir(source):
            os.mkdir(entry)
        else:
            _write(entry, "")
        _mount(source, entry, _MS_BIND | _MS_REC)
        os.close(descriptor)
    os.mkdir(f"/opt/{name}")


def _start(command: list[str]) -> int:
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        os.setpgid(0, 0)
        if _LINUX:
            _libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(_CANNOT_START)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.execvpe(command[0], command, os.environ)  # noqa: S606, TID251 - no shell; passed on
    except OSError as error:
        os.write(2, f"{command[0]}: cannot start: {error}\n".encode())
    finally:
        os._exit(_CANNOT_START)


def _kill(send: Callable[[int, int], None], target: int, number: int = signal.SIGKILL) -> None:
    try:
        send(target, number)
    except (ProcessLookupError, PermissionError):
        # macOS answers EPERM for a group of which only zombies are left.
        return


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def _write_exit(path: str, code: int, number: int, reason: str) -> None:
    text = f'{{"exit_code": {code}, "signal": {number}, "reason": "{reason}"}}\n'
    try:
        _write(f"{path}.partial", text)
        os.replace(f"{path}.partial", path)
    except OSError as error:
        # On a full disk, this process's exit code has to do.
        os.write(2, f"{path}: {error}\n".encode())


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _mount(source: str, target: str, flags: int, kind: str | None = None) -> None:
    encoded = kind.encode() if kind else None
    done = _libc().mount(source.encode(), target.encode(), encoded, flags, None)
    _check(done, f"mount {source} on {target}")


def _check(code: int, what: str) -> None:
    if code != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
