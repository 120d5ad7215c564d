"""Pages in a real Chromium, and the execution that the results' own tests show."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.results.conftest import failed, succeeded

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["failed", "succeeded"]

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome", "chrome")
     if (found := shutil.which(name))), None,
)  # fmt: skip
PROBE = (Path(__file__).parent / "probe.html").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Seen:
    """What the browser says of a page."""

    found: dict[str, Any]
    """What `probe.html` measured."""
    console: tuple[str, ...]
    """What was written to the console: refusals of the content policy, errors of scripts."""


@pytest.fixture
def browse(tmp_path: Path) -> Callable[..., Seen]:
    """Give what opens a page at a width, in a colour scheme, and measures it."""

    def opened(page: str, *, width: int, dark: bool = False, still: bool = False) -> Seen:
        (tmp_path / "page.html").write_text(page, encoding="utf-8")
        probe = tmp_path / "probe.html"
        probe.write_text(PROBE.replace("WIDTH", str(width)), encoding="utf-8")
        arguments = [
            str(CHROMIUM), "--headless", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
            f"--user-data-dir={tmp_path / 'profile'}", "--allow-file-access-from-files",
            "--virtual-time-budget=4000", f"--window-size={max(width, 600)},3000", "--dump-dom",
            "--enable-logging=stderr",
        ]  # fmt: skip
        if os.geteuid() == 0:  # Chromium's own sandbox refuses to start as root.
            arguments.append("--no-sandbox")
        if dark:
            arguments.append("--blink-settings=preferredColorScheme=0")
        if still:
            arguments.append("--force-prefers-reduced-motion")
        done = subprocess.run(
            [*arguments, probe.as_uri()], capture_output=True, text=True, check=True, timeout=90
        )
        found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout)
        assert found, done.stdout[-500:]
        console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
        return Seen(json.loads(html.unescape(found[1])), tuple(console))

    return opened
