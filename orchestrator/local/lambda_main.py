"""Calls a Lambda handler from a file. Started as a script, standard library only.

    python -I lambda_main.py FILE FOLDER

Calls `lambda_handler` or `handler` of FILE with FOLDER/event.json; writes FOLDER/answer.json.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path


def main(file: Path, folder: Path) -> None:
    """Call the handler of `file` and write its answer."""
    specification = importlib.util.spec_from_file_location(file.stem, file)
    if specification is None or specification.loader is None:
        sys.exit(f"{file}: not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.path.insert(0, str(file.parent))
    specification.loader.exec_module(module)
    handler = getattr(module, "lambda_handler", None) or getattr(module, "handler", None)
    if handler is None:
        sys.exit(f"{file}: it defines neither lambda_handler nor handler")
    answer = handler(json.loads((folder / "event.json").read_bytes()), None)
    (folder / "answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
