"""`python -m orchestrator` is `fmo`."""

from orchestrator.cli import main

main()
