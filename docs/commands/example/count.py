"""Split texts into words, write one row each, and count them."""

import json
import sys
from pathlib import Path

INPUT = Path("/opt/ml/processing/input")
OUTPUT = Path("/opt/ml/processing/output")

limit = int(sys.argv[1].removeprefix("--limit="))
texts = [path.read_text(encoding="utf-8") for path in sorted((INPUT / "words").iterdir())]
found = [word for text in texts for word in text.split()][:limit]
rows = "".join(json.dumps({"text": word}) + "\n" for word in found)
for name in ("rows", "metrics"):
    (OUTPUT / name).mkdir(parents=True, exist_ok=True)
(OUTPUT / "rows" / "rows.jsonl").write_text(rows, encoding="utf-8")
(OUTPUT / "metrics" / "metrics.json").write_text(json.dumps({"rows": len(found)}), encoding="utf-8")
sys.stdout.write(f"progress step=1/1 rows={len(found)}\n")
