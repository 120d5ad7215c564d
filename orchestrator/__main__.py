"""`python -m orchestrator` is `fmo`, and so is the command `fmo` itself."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run `fmo`; Ctrl-C ends it quietly from the first import on."""
    try:
        # It takes 60 ms to import.
        from orchestrator.cli import main as fmo  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    try:
        fmo()
    finally:
        # All is said and done; Python still has to put its things away.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
