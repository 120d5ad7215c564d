"""Write a few rows and how many they are, as a Processing job."""

import json
from pathlib import Path

OUTPUT = Path("/opt/ml/processing/output")

rows = [{"x": number, "y": 2 * number + 1} for number in range(8)]
text = "".join(json.dumps(row) + "\n" for row in rows)
(OUTPUT / "rows" / "rows.jsonl").write_text(text, encoding="utf-8")
(OUTPUT / "metrics" / "metrics.json").write_text(json.dumps({"rows": len(rows)}), encoding="utf-8")
print(f"progress step=1/1 rows={len(rows)}", flush=True)
