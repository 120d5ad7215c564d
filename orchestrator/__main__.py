"""`python -m orchestrator` is `fmo`, and so is the command `fmo` itself."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Run `fmo`; Ctrl-C ends it quietly from the first import on."""
    # A shell starts what is in the background with Ctrl-C ignored.
    is_in_front = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    if is_in_front:
        # An exception in the middle of an import comes out as another one.
        signal.signal(signal.SIGINT, lambda *_: os._exit(128 + signal.SIGINT))
    from orchestrator.cli import main as fmo  # noqa: PLC0415 - it takes 60 ms

    if is_in_front:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        fmo()
    finally:
        # All is said and done; Python still has to put its things away.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
