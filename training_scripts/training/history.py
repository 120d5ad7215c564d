"""What a run has shown so far: `trainer_log.jsonl` and progress lines."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from training_scripts.container import log_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


def _tell_nobody(_: Mapping[str, float]) -> None:
    """Leave the row to the file."""


@dataclass
class History:
    """The rows of `trainer_log.jsonl`, each with its `step`."""

    total_steps: int
    rows: list[dict[str, float]] = field(default_factory=list)
    tokens: int = 0
    """Tokens trained on, padding excluded, over all devices and attempts."""
    seconds: float = 0.0
    """Time spent in optimizer steps, over all attempts."""
    prints: bool = True
    """Whether this process prints progress: one of those that train together does."""
    tell: Callable[[Mapping[str, float]], None] = _tell_nobody
    """Gets each row as it is recorded."""

    @property
    def tokens_per_second(self) -> float:
        """Tokens trained on per second of training, validation and saving excluded."""
        return self.tokens / self.seconds if self.seconds else 0.0

    def train_row(
        self,
        step: int,
        loss: float,
        learning_rate: float,
        grad_norm: float,
        speed: float,
        more: Mapping[str, float],
    ) -> None:
        """Record and print one line about training; `more` is what the objective tells beside."""
        self._record(
            {
                "step": step,
                "loss": loss,
                "learning_rate": learning_rate,
                "grad_norm": grad_norm,
                "tokens_per_second": speed,
                **more,
            }
        )
        left = (self.total_steps - step) * self.seconds / step
        if self.prints:
            shown = {f"train/{name}": value for name, value in {"loss": loss, **more}.items()}
            log_progress(step, self.total_steps, shown, speed, left)

    def eval_row(self, step: int, means: Mapping[str, float]) -> None:
        """Record and print one line about validation."""
        self._record({"step": step, **{f"eval_{name}": means[name] for name in means}})
        shown = {f"eval/{name}": value for name, value in means.items()}
        left = (self.total_steps - step) * self.seconds / step if step else None
        if self.prints:
            log_progress(step, self.total_steps, shown, seconds_left=left)

    def last(self, name: str) -> float | None:
        """Return the latest value of `name`, None if no row has it."""
        return next((row[name] for row in reversed(self.rows) if name in row), None)

    def write(self, path: Path) -> None:
        """Write the rows as JSON Lines, whole or not at all."""
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text("".join(json.dumps(row) + "\n" for row in self.rows), encoding="utf-8")
        partial.replace(path)

    def _record(self, row: dict[str, float]) -> None:
        self.rows.append(row)
        self.tell(row)
