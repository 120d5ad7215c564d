"""Training tokens/s on this machine's CPU, beside TRL's SFTTrainer on the same model and data.

    python benchmarks/training_throughput.py [--json] [--steps 12] [--max-length 512]

Both train the same 6.8 M-parameter Llama from the same weights on the same rows, with as many
tokens per optimizer step. SFTTrainer gets each of several settings for a few steps; the fastest is
its figure. Both models are then scored by the same code on the same held-out rows. Each side runs
in a process of its own.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SEQUENCES_PER_STEP = 8
VOCABULARY = 8192
ROWS = 3_000
PEERS = ("wrapped:8", "bfd:8", "bfd:2")
"""SFTTrainer's packing strategy and per_device_train_batch_size, all in bfloat16."""


def main() -> None:
    """Measure both sides and what the processor could do, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--worker", help="one side of the comparison; used by this script itself")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(work(arguments)))
        return
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder), arguments.max_length)
        tried = {name: run_worker(arguments, folder, name, steps=3) for name in PEERS}
        best = max(tried, key=lambda name: tried[name]["tokens_per_second"])
        ours = run_worker(arguments, folder, "ours", steps=arguments.steps)
        peer = run_worker(arguments, folder, best, steps=arguments.steps)
    ceiling = bf16_matmul_flops()
    ratio = ours["tokens_per_second"] / peer["tokens_per_second"]
    share = ours["tokens_per_second"] * 6 * ours["parameters"] / ceiling
    rows = [
        {
            "what": f"training, {ours['parameters'] / 1e6:.1f} M-parameter Llama, CPU",
            "ours": round(ours["tokens_per_second"]),
            "peer": round(peer["tokens_per_second"]),
            "peer_name": f"trl SFTTrainer ({best})",
            "unit": "tokens/s",
            "ratio": round(ratio, 2),
            "target": "at least 5x",
            "holds": ratio >= 5,
            "ours_eval_loss": round(ours["eval_loss"], 4),
            "peer_eval_loss": round(peer["eval_loss"], 4),
            "peer_settings": {n: round(found["tokens_per_second"]) for n, found in tried.items()},
        },
        {
            "what": "share of the bf16 matrix product, 6 FLOP per parameter and token",
            "ours": round(share, 3),
            "peer": round(share / ratio, 3),
            "peer_name": "trl SFTTrainer",
            "unit": f"of {ceiling / 1e9:.0f} GFLOP/s",
            "target": "at least 0.333",
            "holds": share >= 1 / 3,
        },
    ]
    print(json.dumps(rows) if arguments.json else table(rows))


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as text."""
    first, second = rows
    tried = ", ".join(f"{name} {speed}" for name, speed in first["peer_settings"].items())
    return "\n".join(
        (
            f"{first['what']}: {first['ours']} tokens/s, {first['peer_name']} {first['peer']}: "
            f"{first['ratio']}x ({first['target']})",
            f"  held-out loss after as many tokens: {first['ours_eval_loss']} and "
            f"{first['peer_eval_loss']}",
            f"  SFTTrainer's settings tried: {tried}",
            f"{second['what']}: {second['ours']} {second['unit']} ({second['target']}), "
            f"{second['peer_name']} {second['peer']}",
        )
    )


def run_worker(arguments: argparse.Namespace, folder: str, name: str, steps: int) -> dict[str, Any]:
    """Return what one side measured, in a process of its own."""
    command = [sys.executable, __file__, "--worker", name, "--folder", folder]
    command += ["--steps", str(steps), "--max-length", str(arguments.max_length)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": f"{folder}/cache",
                   "TOKENIZERS_PARALLELISM": "false", "TRL_EXPERIMENTAL_SILENCE": "1"}  # fmt: skip
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = f"{name}: {done.stderr[-2000:]}"
        raise SystemExit(msg)
    return json.loads(done.stdout.splitlines()[-1])


def write_inputs(folder: Path, max_length: int) -> None:
    """Write rows, tokenizer and the model both start from."""
    from transformers.utils.logging import disable_progress_bar

    from training_scripts.training.model import make_model
    from training_scripts.training.tokenizer import train_tokenizer

    disable_progress_bar()
    texts = documents()
    (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    tokenizer = train_tokenizer(texts, VOCABULARY, max_length=max_length)
    tokenizer.save_pretrained(folder / "model")
    shape = {
        "model_type": "llama",
        "hidden_size": 256,
        "intermediate_size": 688,
        "num_hidden_layers": 6,
        "num_attention_heads": 8,
        "max_position_embeddings": 2048,
        "tie_word_embeddings": True,
    }
    make_model(shape, tokenizer, seed=0).save_pretrained(folder / "model")


def documents() -> list[str]:
    """Return what botocore says about operations, one text each."""
    import botocore

    texts = []
    for service in sorted((Path(botocore.__file__).parent / "data").iterdir()):
        for model in sorted(service.glob("*/service-2.json.gz"))[-1:]:
            operations = json.loads(gzip.decompress(model.read_bytes()))["operations"]
            for name, operation in sorted(operations.items()):
                words = re.sub("<[^>]+>", " ", operation.get("documentation", ""))
                texts.append(f"{service.name} {name}\n{' '.join(words.split())}")
        if len(texts) >= ROWS:
            break
    return texts[:ROWS]


def work(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train one side; return its speed, and its loss on rows that neither side trains on."""
    texts = json.loads((arguments.folder / "texts.json").read_text(encoding="utf-8"))
    held_out, train = texts[::20], [text for n, text in enumerate(texts) if n % 20]
    side = train_ours if arguments.worker == "ours" else train_peer
    model, speed = side(arguments, train)
    return {
        "tokens_per_second": speed,
        "eval_loss": score(arguments, model, held_out),
        "parameters": sum(p.numel() for p in model.parameters()),
    }


def train_ours(arguments: argparse.Namespace, texts: list[str]) -> tuple[Any, float]:
    """Train with the loop of `training_scripts`."""
    import torch

    from training_scripts.methods.full import with_weights
    from training_scripts.training.devices import keep_freed_memory
    from training_scripts.training.loop import train

    keep_freed_memory()
    run = our_run(arguments, load(arguments), texts, torch.bfloat16)
    trained = train(run)
    # The first step warms up.
    speeds = [row["tokens_per_second"] for row in trained.history.rows if "loss" in row][1:]
    return with_weights(run.model, trained.master_weights, torch.float32), statistics.median(speeds)


def train_peer(arguments: argparse.Namespace, texts: list[str]) -> tuple[Any, float]:
    """Train with SFTTrainer."""
    import datasets
    from transformers import AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    strategy, size = arguments.worker.split(":")
    times: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            times.append(time.perf_counter())

    config = SFTConfig(
        output_dir=str(arguments.folder / "trl"),
        max_steps=arguments.steps,
        max_length=arguments.max_length,
        packing=True,
        packing_strategy=strategy,
        per_device_train_batch_size=int(size),
        gradient_accumulation_steps=SEQUENCES_PER_STEP // int(size),
        bf16=True,
        use_cpu=True,
        gradient_checkpointing=False,
        learning_rate=1e-3,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        seed=0,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        logging_steps=1000,
    )
    trainer = SFTTrainer(
        model=load(arguments),
        args=config,
        processing_class=AutoTokenizer.from_pretrained(arguments.folder / "model"),
        train_dataset=datasets.Dataset.from_dict({"text": texts}),
        callbacks=[Clock()],
    )
    trainer.train()
    lengths = [len(ids) for ids in trainer.train_dataset["input_ids"]]
    tokens = SEQUENCES_PER_STEP * statistics.mean(lengths)
    steps = [after - before for before, after in itertools.pairwise(times)]
    return trainer.model, tokens / statistics.median(steps)


def score(arguments: argparse.Namespace, model: Any, texts: list[str]) -> float:
    """Return the mean loss over `texts`, in float32, by the same code for both sides."""
    import torch

    from training_scripts.training.loop import validate

    run = our_run(arguments, model.float(), texts, torch.float32)
    return validate(run, run.train)["loss"]


def our_run(arguments: argparse.Namespace, model: Any, texts: list[str], dtype: Any) -> Any:
    """Return a run of ours over `texts`."""
    import torch
    from transformers import AutoTokenizer

    from orchestrator.spec.train import TrainSpec
    from training_scripts.checkpoints.store import CheckpointStore
    from training_scripts.data.packing import pack
    from training_scripts.data.rows import TextRow
    from training_scripts.data.tokenize import tokenize_rows
    from training_scripts.training.devices import World
    from training_scripts.training.loop import Run
    from training_scripts.training.model import prepare_model
    from training_scripts.training.objectives.next_token import NextToken
    from training_scripts.training.settings import read_settings

    spec = TrainSpec(
        objective="continued_pretrain",
        model_name_or_path="$base.model",
        data="$split",
        max_length=arguments.max_length,
        per_device_train_batch_size=SEQUENCES_PER_STEP,
        max_steps=arguments.steps,
        save_steps=arguments.steps + 1,
        learning_rate=1e-3,
        lr_scheduler_type="constant",
        logging_steps=1,
        seed=0,
    )
    settings = read_settings(spec.model_dump(mode="json"))
    tokenizer = AutoTokenizer.from_pretrained(arguments.folder / "model")
    rows = tokenize_rows(
        (TextRow(str(number), text) for number, text in enumerate(texts)),
        tokenizer,
        max_length=arguments.max_length,
        too_long="split",
    )
    device = torch.device("cpu")
    return Run(
        model=prepare_model(model, settings, device),
        train=pack(rows, arguments.max_length),
        validation=None,
        settings=settings,
        objective=NextToken(),
        dtype=dtype,
        world=World(0, 1, device),
        checkpoints=CheckpointStore(arguments.folder / "checkpoints", keep=1),
        clock=time.perf_counter,
        stop_requested=lambda: False,
    )


def load(arguments: argparse.Namespace) -> Any:
    """Return the model both sides start from, in float32."""
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(arguments.folder / "model", dtype=torch.float32)


def bf16_matmul_flops() -> float:
    """Return FLOP/s of the fastest of some square bfloat16 products."""
    import torch

    best = 0.0
    for size in (1024, 2048, 4096):
        left, right = (torch.randn(size, size, dtype=torch.bfloat16) for _ in range(2))
        out = torch.empty_like(left)
        for _ in range(6):
            begin = time.perf_counter()
            torch.mm(left, right, out=out)
            best = max(best, 2 * size**3 / (time.perf_counter() - begin))
    return best


if __name__ == "__main__":
    main()
