"""Why a library could not load a model or a tokenizer, in one line for a person."""

from __future__ import annotations

LOAD_ERRORS = (OSError, ValueError, KeyError, RuntimeError, TypeError)
"""What transformers raises for files that are missing, damaged or of an unknown architecture."""
_SHOWN = 200


def load_errors() -> tuple[type[Exception], ...]:
    """Return `LOAD_ERRORS` and what safetensors raises for damaged weights."""
    from safetensors import SafetensorError

    return (*LOAD_ERRORS, SafetensorError)


def why_not_loaded(error: Exception) -> str:
    """Return what is wrong with the files of a model; raise `error` if it is not about them."""
    if "out of memory" in str(error):
        raise error
    if "mismatched" in str(error):
        # transformers writes its own table of shapes to the log.
        return "its weights have other shapes than config.json says (the log lists them)"
    if type(error).__name__ == "SafetensorError":
        return f"its weights are damaged ({first_sentence(error)})"
    return f"transformers cannot load it ({first_sentence(error)})"


def first_sentence(error: Exception) -> str:
    """Return the first sentence of what a library says, on one line."""
    text = " ".join(str(error).split()).partition(". ")[0].rstrip(".")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
