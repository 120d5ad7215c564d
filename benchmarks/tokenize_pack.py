"""Rows in a file to packed sequences of tokens: ours beside `datasets.map`, same tokenizer.

    python benchmarks/tokenize_pack.py [--json] [--repeat 3]

The rows are the documentation of every AWS operation that botocore carries. The peer reads them
with `datasets`, tokenizes by `Dataset.map` in batches and packs with `trl.pack_dataset`; its best
time over one and two worker processes counts. Needs the groups `train` and `bench`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_LENGTH = 1024
VOCAB_SIZE = 8192


def main() -> None:
    """Write the rows, train the tokenizer, time both, print."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["HF_HOME"] = str(folder / "cache")
        texts = write_rows(folder / "train.jsonl")
        tokenizer = train_tokenizer(texts)
        ours, tokens = best(arguments.repeat, lambda: pack_ours(folder, tokenizer))
        peers = [
            best(arguments.repeat, lambda n=n: pack_with_datasets(folder, tokenizer, n))
            for n in (1, 2)
        ]
    peer, peer_tokens = min(peers)
    if tokens != peer_tokens:
        message = f"the two do not agree: {tokens} and {peer_tokens} tokens"
        raise SystemExit(message)
    row = {
        "what": f"{len(texts):,} rows to {tokens:,} packed tokens",
        "ours": round(tokens / ours),
        "peer": round(tokens / peer),
        "peer_name": "datasets.map and trl.pack_dataset",
        "unit": "tokens/s",
        "ratio": round(peer / ours, 2),
        "target": "at least 2x",
        "holds": peer / ours >= 2,
    }
    if arguments.json:
        print(json.dumps([row]))
    else:
        print(
            f"{row['what']}: {row['ours']:,} tokens/s, {row['peer_name']} {row['peer']:,}: "
            f"{row['ratio']}x ({row['target']})"
        )


def write_rows(path: Path) -> list[str]:
    """Write one row per operation that botocore documents; return the texts."""
    import botocore

    texts = []
    for service in sorted((Path(botocore.__file__).parent / "data").iterdir()):
        versions = sorted(service.glob("*/service-2.json.gz"))
        if versions:
            model = json.loads(gzip.decompress(versions[-1].read_bytes()))
            for name, operation in sorted(model["operations"].items()):
                words = re.sub("<[^>]+>", " ", operation.get("documentation", ""))
                texts.append(f"{service.name} {name}\n{words}")
    rows = [json.dumps({"id": str(n), "text": text}) + "\n" for n, text in enumerate(texts)]
    path.write_text("".join(rows), encoding="utf-8")
    return texts


def train_tokenizer(texts: list[str]) -> Any:
    """Return a byte-level BPE tokenizer, as pre-training from scratch makes one."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts[::10], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|end|>")  # noqa: S106


def pack_ours(folder: Path, tokenizer: Any) -> int:
    """Read, tokenize and pack; return how many tokens were packed."""
    from training_scripts.data.packing import pack
    from training_scripts.data.rows import read_split
    from training_scripts.data.tokenize import tokenize_rows

    rows = tokenize_rows(
        read_split(folder, "train"), tokenizer, max_length=MAX_LENGTH, too_long="split"
    )
    return pack(rows, MAX_LENGTH).tokens


def pack_with_datasets(folder: Path, tokenizer: Any, processes: int) -> int:
    """Do the same with `datasets` and TRL; return how many tokens were packed."""
    import datasets
    from trl import pack_dataset

    def tokenize(batch: dict[str, list[str]]) -> dict[str, list[list[int]]]:
        ids = tokenizer(batch["text"], add_special_tokens=False)["input_ids"]
        ended = [[*row, tokenizer.eos_token_id] for row in ids]
        pieces = [
            row[start : start + MAX_LENGTH]
            for row in ended
            for start in range(0, len(row), MAX_LENGTH)
        ]
        return {"input_ids": pieces}

    with tempfile.TemporaryDirectory(dir=folder) as cache:
        rows = datasets.Dataset.from_json(str(folder / "train.jsonl"), cache_dir=cache)
        tokenized = rows.map(
            tokenize,
            batched=True,
            remove_columns=rows.column_names,
            num_proc=processes if processes > 1 else None,
        )
        packed = pack_dataset(tokenized, MAX_LENGTH, "bfd")
        return sum(len(ids) for ids in packed.with_format("numpy")["input_ids"])


def best(repeat: int, work: Callable[[], int]) -> tuple[float, int]:
    """Return the least seconds of several tries, and what the work returned."""
    tries = []
    for _ in range(repeat):
        start = time.perf_counter()
        result = work()
        tries.append((time.perf_counter() - start, result))
    return min(tries)


if __name__ == "__main__":
    main()
