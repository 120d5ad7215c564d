"""The modules of a pipeline's script, found as its job finds them: beside the script."""

from __future__ import annotations

import sys
from pathlib import Path

PIPELINES = Path(__file__).parents[3] / "pipelines"

sys.path.append(str(PIPELINES / "aws_docs"))
