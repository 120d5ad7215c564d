"""A reward model, asked for the score of texts as it met them in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training_scripts.container import fail
from training_scripts.data.tokenize import tokenize_rows
from training_scripts.loading import SCORES, model_config
from training_scripts.training.model import load_reward_model, load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from training_scripts.data.rows import MessagesRow, PromptRow

    Scorer = Callable[[Sequence[PromptRow | MessagesRow]], list[float]]

_BATCH = 16
"""Texts read at once."""


def load_scorer(folder: Path, where: str, max_length: int, device: Any) -> Scorer:
    """Return what gives rows, prompt and answer, their scores; longer ones are cut.

    Args:
        folder: In Hugging Face layout, with one score.
        where: What errors call it: the spec's field.
        max_length: Tokens of prompt and answer together.
        device: Where it computes.

    Raises:
        JobFailure: If it is no reward model, or its tokenizer is another model's.
    """
    import torch

    _must_give_one_score(folder, where)
    tokenizer = load_tokenizer(folder)
    model, _ = load_reward_model(folder, torch.float32, tokenizer.pad_token_id, seed=0)
    known = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > known:
        fail(
            f"{where}: its tokenizer has {len(tokenizer)} tokens and its weights {known}: they are "
            "of two models. Copy the tokenizer that the reward model was trained with."
        )
    model = model.to(device).eval()

    def scores(rows: Sequence[PromptRow | MessagesRow]) -> list[float]:
        tokens = tokenize_rows(rows, tokenizer, max_length=max_length, too_long="truncate")
        bounds = list(zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True))
        found: list[float] = []
        for at in range(0, len(bounds), _BATCH):
            texts = [torch.from_numpy(tokens.input_ids[a:b]) for a, b in bounds[at : at + _BATCH]]
            found += _scores(model, texts, tokenizer.pad_token_id)
        return found

    return scores


def _scores(model: Any, texts: Sequence[Any], pad_token_id: int) -> list[float]:
    import torch

    padded = torch.nn.utils.rnn.pad_sequence(
        [text.long() for text in texts], batch_first=True, padding_value=pad_token_id
    )
    lengths = torch.tensor([len(text) for text in texts])
    mask = (torch.arange(padded.shape[1])[None] < lengths[:, None]).long()
    with torch.no_grad():
        found = model(input_ids=padded.to(model.device), attention_mask=mask.to(model.device))
    scores: list[float] = found.logits.float().squeeze(-1).tolist()
    return scores


def _must_give_one_score(folder: Path, where: str) -> None:
    config = model_config(folder)
    kinds = config.get("architectures") or ["a folder without a model's config.json"]
    # transformers writes `id2label` where there are others than two.
    labels = config.get("num_labels") or len(config.get("id2label") or (0, 1))
    if not kinds[0].endswith(SCORES):
        found = f"{kinds[0]} gives a text no score"
    elif labels != 1:
        found = f"it gives a text {labels} scores"
    else:
        return
    fail(f"{where}: {found}. Pass the model of a step with `objective: reward`.")
