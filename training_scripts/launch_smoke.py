"""Tiny models in the place of the real ones, before the script of a smoke run starts.

Standard library only: `launch.py` reads it in any image.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from training_scripts import shrink_model
from training_scripts.launch_process import run
from training_scripts.smoke import has_real_model

if TYPE_CHECKING:
    from training_scripts.launch_environment import Container
    from training_scripts.launch_process import Surroundings
    from training_scripts.smoke import Smoke


def with_tiny_models(
    container: Container, around: Surroundings, smoke: Smoke
) -> tuple[str, Surroundings]:
    """Return what went wrong or '', and surroundings that name tiny models to read instead.

    The input channels stay as they are; the tiny models lie beside them.
    """
    names = [path.name for path in sorted(container.channels.glob("*")) if has_real_model(path)]
    tiny = {name: container.root / "smoke" / name for name in names}
    variables = {
        **around.environment,
        **replace(smoke, channels=tiny).to_environment(),
        **{f"SM_CHANNEL_{name.upper()}": str(folder) for name, folder in tiny.items()},
    }
    inside = replace(around, environment=variables)
    if not names:
        return "", inside
    pairs = [(str(container.channels / name), str(folder)) for name, folder in tiny.items()]
    command = [sys.executable, "-m", shrink_model.__name__, *chain.from_iterable(pairs)]
    ended = run(command, inside)
    said = next((line for line in reversed(ended.tail) if line.strip()), "no tiny model was made")
    return ("" if ended.exit_code == 0 else f"smoke: {said}"), inside
