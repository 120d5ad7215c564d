"""Serve a model in the Hugging Face inference image, which calls these functions by their names.

The image finds this module by `SAGEMAKER_PROGRAM=inference.py` on its `PYTHONPATH`
(sagemaker-huggingface-inference-toolkit, handler_service.py). Whatever can be loaded for an exam
can be served: a whole model, or an adapter whose base lies in the folder `FMO_BASE_MODEL`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training_scripts.serving.answering import answer, load
from training_scripts.serving.requests import read_request

if TYPE_CHECKING:
    from training_scripts.evaluation.language_model import LanguageModel
    from training_scripts.serving.requests import Request

BASE_VARIABLE = "FMO_BASE_MODEL"
JSON_TYPE = "application/json"


def model_fn(model_dir: str, _context: Any = None) -> LanguageModel:
    """Return the model in `model_dir`."""
    base = os.environ.get(BASE_VARIABLE)
    return load(Path(model_dir), base=Path(base) if base else None)


def input_fn(body: str | bytes, content_type: str, _context: Any = None) -> Request:
    """Return what a request asks; ValueError if it is not JSON, or asks for what is not known."""
    if not content_type.startswith(JSON_TYPE):
        msg = f"Content-Type: expected {JSON_TYPE}, found {content_type}."
        raise ValueError(msg)
    return read_request(json.loads(body))


def predict_fn(request: Request, model: LanguageModel, _context: Any = None) -> dict[str, Any]:
    """Return the answer."""
    return answer(model, request)


def output_fn(answered: dict[str, Any], _accept: str, _context: Any = None) -> str:
    """Return the answer as JSON, the one form there is."""
    return json.dumps(answered, ensure_ascii=False)
