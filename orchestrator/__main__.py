"""`python -m orchestrator` is `fmo`, and so is the command `fmo` itself."""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""


def main() -> None:
    """Run `fmo`; Ctrl-C ends it quietly from the first import on."""
    try:
        from orchestrator.cli import main as fmo  # noqa: PLC0415 - it takes 60 ms, all of which may be interrupted
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    fmo()


if __name__ == "__main__":
    main()
