"""Take the README's pictures of a report, light and dark.

    python tools/report_images.py .fmo/executions/ID/report.html

Needs Chromium, and pngquant to make the files small. Writes docs/images/report.png and
docs/images/report-dark.png: the first screens of the page, as a reader sees them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SIZE = "1200,1340"
"""Pixels: down to the end of the graph of the demo's steps."""
SCHEMES = {"report.png": "1", "report-dark.png": "0"}
"""File to Blink's number of the colour scheme (PreferredColorScheme: 0 dark, 1 light)."""


def main() -> None:
    """Take both pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path)
    report = parser.parse_args().report
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    pngquant = shutil.which("pngquant")
    if chromium is None or pngquant is None or not report.is_file():
        sys.exit("chromium, pngquant and the report are needed; one of them is not there")
    IMAGES.mkdir(exist_ok=True)
    for name, scheme in SCHEMES.items():
        take(report, IMAGES / name, chromium, scheme)
        shrunk = [pngquant, "--force", "--skip-if-larger", "--ext", ".png", "--quality", "70-95"]
        subprocess.run([*shrunk, str(IMAGES / name)], check=False)
        print(f"{IMAGES / name}: {(IMAGES / name).stat().st_size / 1000:.0f} kB")


def take(report: Path, target: Path, chromium: str, scheme: str) -> None:
    """Write what Chromium shows of `report` to `target`."""
    with tempfile.TemporaryDirectory() as profile:
        arguments = [
            chromium, "--headless", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
            f"--user-data-dir={profile}", f"--window-size={SIZE}", f"--screenshot={target}",
            f"--blink-settings=preferredColorScheme={scheme}",
        ]  # fmt: skip
        if os.geteuid() == 0:  # Chromium's own sandbox refuses to start as root.
            arguments.append("--no-sandbox")
        subprocess.run([*arguments, report.resolve().as_uri()], check=True, timeout=90)


if __name__ == "__main__":
    main()
