"""Record what Google's rouge-score answers, so that the tests need not install it.

pip install rouge-score==0.1.2 && python tests/scripts/evaluation/record_rouge.py
"""

from __future__ import annotations

import json
import random
import sys
from importlib.metadata import version
from pathlib import Path

SENTENCES = [
    "Returns a list of the tags for the specified resource.",
    "Lists all tags that are attached to a resource",
    "Deletes the specified access point policy for this account.",
    "deletes an ACCESS point",
    "Creates a new job definition; see the AWS Glue guide (section 2.1).",
    "Détache une stratégie, 42 fois !",
    "",
    "...",
    "a a a b b a",
    "b a a a",
]


def main() -> None:
    from rouge_score.rouge_scorer import RougeScorer  # noqa: PLC0415

    draw = random.Random(0)  # noqa: S311 - test data
    pairs = [(first, second) for first in SENTENCES for second in SENTENCES]
    for _ in range(60):
        first, second = ([draw.choice("abcdef") for _ in range(draw.randint(1, 30))] for _ in "12")
        pairs.append((" ".join(first), " ".join(second)))
    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    cases = [[a, b, round(scorer.score(a, b)["rougeL"].fmeasure, 12)] for a, b in pairs]
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    source = json.dumps(f"rouge-score {version('rouge-score')}")
    text = f'{{"recorded_from": {source}, "cases": [\n{lines}\n]}}\n'
    (Path(__file__).parent / "rouge_score.json").write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(cases)} cases\n")


if __name__ == "__main__":
    main()
