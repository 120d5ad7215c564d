"""Requests answered by one loaded model, in the form in which OpenAI's completions are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training_scripts.container import JobFailure, fail
from training_scripts.loading import load_errors, why_not_loaded
from training_scripts.serving.requests import RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from training_scripts.evaluation.language_model import LanguageModel
    from training_scripts.serving.requests import Request


def load(folder: Path, *, base: Path | None = None) -> LanguageModel:
    """Return the model in `folder`, whatever method tuned it.

    Args:
        folder: In Hugging Face layout, or an adapter.
        base: The model under an adapter.

    Raises:
        JobFailure: If there is none, or it cannot be loaded.
    """
    from training_scripts.evaluation.language_model import load_model

    try:
        return load_model(folder, base=base)
    except load_errors() as error:
        fail(f"{folder.name}: {why_not_loaded(error)}. Pass a causal language model, whole.")


def answer(model: LanguageModel, request: Request) -> dict[str, Any]:
    """Return the answer to `request`, as `chat.completion` or `text_completion`.

    Raises:
        RequestError: If the prompt is longer than the model can take, or cannot be worded for it.
    """
    prompts = _prompts(model, request)
    choices, written = [], 0
    for index, prompt in enumerate(prompts):
        text, tokens, reason = _written(model, prompt, request)
        written += tokens
        said = (
            {"message": {"role": "assistant", "content": text}}
            if request.messages
            else {"text": text}
        )
        choices.append({"index": index, **said, "finish_reason": reason})
    asked = sum(map(len, prompts))
    return {
        "object": "chat.completion" if request.messages else "text_completion",
        "model": request.model,
        "choices": choices,
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": written,
            "total_tokens": asked + written,
        },
    }


def _prompts(model: LanguageModel, request: Request) -> list[list[int]]:
    from training_scripts.data.chat import render_chat
    from training_scripts.data.tokenize import TextEncoder
    from training_scripts.evaluation.wording import Wording, prompt_ids

    tokenizer = model.tokenizer
    if not request.messages:
        return [prompt_ids(text, Wording("raw"), tokenizer) for text in request.prompts]
    try:
        text = render_chat(
            request.messages, tokenizer, row_id="messages", add_generation_prompt=True
        )
    except JobFailure as failure:
        raise RequestError(str(failure)) from failure
    return [TextEncoder(tokenizer).encode([text])[0]]


def _written(model: LanguageModel, prompt: Sequence[int], request: Request) -> tuple[str, int, str]:
    """Return the text, its tokens, and why it ended: `stop` or `length`."""
    from training_scripts.evaluation.streaming import GrowingText, Sampling, stream

    most = getattr(model.model.config, "max_position_embeddings", None)
    if most is not None and len(prompt) >= most:
        msg = f"the prompt has {len(prompt):,} tokens, and the model takes {most:,}. Shorten it."
        raise RequestError(msg)
    room = request.max_tokens if most is None else min(request.max_tokens, most - len(prompt))
    text = GrowingText(model.tokenizer)
    for token in stream(model, prompt, Sampling(room, request.temperature, request.seed)):
        text.add(token)
    return text.text, len(text), "length" if len(text) >= room else "stop"
