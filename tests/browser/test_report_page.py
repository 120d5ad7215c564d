"""The report in a real browser, at the widths of a phone and of a desk, light and dark."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from orchestrator.results.report import render_report

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.results.model import ExecutionResult

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome", "chrome")
     if (found := shutil.which(name))), None,
)  # fmt: skip
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]
# What the page itself must forbid is measured by a frame around it, which may run scripts.
PROBE = """\
<!doctype html><meta charset="utf-8"><body style="margin:0">
<iframe src="report.html" style="border:0;width:{width}px;height:3000px"></iframe>
<script>
const frame = document.querySelector("iframe");
frame.onload = () => {{
  const page = frame.contentDocument;
  const wide = [...page.querySelectorAll("body *")].filter(
    (one) => !one.closest(".scroll, .graph-card, .dots") && !one.closest("svg")
      && one.getBoundingClientRect().right > {width} + 1);
  const found = {{
    overflow: page.documentElement.scrollWidth - {width},
    wide: wide.map((one) => one.tagName + "." + one.className),
    ink: frame.contentWindow.getComputedStyle(page.body).color,
    paper: frame.contentWindow.getComputedStyle(page.body).backgroundColor,
    scripts: frame.contentWindow.ran === undefined ? "none" : "ran",
  }};
  document.title = "PROBE " + JSON.stringify(found);
  const out = document.createElement("pre");
  out.id = "found";
  out.textContent = JSON.stringify(found);
  document.body.append(out);
}};
</script>
"""


def probed(folder: Path, page: str, *, width: int, dark: bool = False) -> dict[str, object]:
    """Return what the browser says of the page at `width`."""
    (folder / "report.html").write_text(page, encoding="utf-8")
    probe = folder / "probe.html"
    probe.write_text(PROBE.format(width=width), encoding="utf-8")
    arguments = [
        str(CHROMIUM), "--headless", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
        f"--user-data-dir={folder / 'profile'}", "--allow-file-access-from-files",
        "--virtual-time-budget=4000", f"--window-size={max(width, 600)},3000", "--dump-dom",
    ]  # fmt: skip
    if os.geteuid() == 0:  # Chromium's own sandbox refuses to start as root.
        arguments.append("--no-sandbox")
    if dark:
        arguments.append("--blink-settings=preferredColorScheme=0")
    done = subprocess.run(
        [*arguments, probe.as_uri()], capture_output=True, text=True, check=True, timeout=90
    )
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout)
    assert found, done.stdout[-500:]
    read: dict[str, object] = json.loads(html.unescape(found[1]))
    return read


@pytest.mark.parametrize("width", [400, 1400])
def test_nothing_is_wider_than_the_window(
    succeeded: ExecutionResult, tmp_path: Path, width: int
) -> None:
    found = probed(tmp_path, render_report(succeeded), width=width)
    assert found["overflow"] == 0
    assert found["wide"] == []


def lightness(colour: object) -> float:
    return sum(int(part) for part in re.findall(r"\d+", str(colour))[:3]) / 3


def test_ink_and_paper_follow_the_reader(succeeded: ExecutionResult, tmp_path: Path) -> None:
    page = render_report(succeeded)
    light = probed(tmp_path, page, width=800)
    dark = probed(tmp_path, page, width=800, dark=True)
    assert lightness(light["paper"]) > 200 > 60 > lightness(light["ink"])
    assert lightness(dark["ink"]) > 200 > 60 > lightness(dark["paper"])


def test_the_content_policy_stops_a_script_that_slipped_in(
    succeeded: ExecutionResult, tmp_path: Path
) -> None:
    page = render_report(succeeded)
    broken = page.replace("<main>", "<main><script>window.ran = true</script>")
    assert probed(tmp_path, broken, width=800)["scripts"] == "none"
    open_page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", broken)
    assert probed(tmp_path, open_page, width=800)["scripts"] == "ran"
