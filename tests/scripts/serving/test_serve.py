"""A tiny model served for real, over loopback, as SageMaker asks a container."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from training_scripts import inference
from training_scripts.serving.answering import answer, load
from training_scripts.serving.requests import RequestError, read_request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.train, pytest.mark.allow_hosts(["127.0.0.1"])]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch  # noqa: PLC0415
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415

    from tests.scripts.conftest import build_tokenizer  # noqa: PLC0415

    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=400,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=64,
        initializer_range=0.5,
        eos_token_id=0,
        bos_token_id=None,
    )
    path = tmp_path_factory.mktemp("served")
    LlamaForCausalLM(config).save_pretrained(path)
    build_tokenizer().save_pretrained(path)
    return path


@dataclass(frozen=True)
class Server:
    """A server in a process of its own."""

    port: int
    token: str

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        data = body if isinstance(body, str) or body is None else json.dumps(body)
        connection.request(method, path, data, {**sent, **headers})
        answered = connection.getresponse()
        document = json.loads(answered.read())
        connection.close()
        return answered.status, document

    def ask(self, body: Any, **headers: str) -> tuple[int, Any]:
        return self("POST", "/invocations", body, **headers)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    command = [sys.executable, "-m", "training_scripts.serve", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        token = process.stdout.readline().removeprefix("token ").strip()
        assert address.startswith("listening on http://127.0.0.1:")
        yield Server(int(address.rpartition(":")[2]), token)
        process.terminate()


def test_a_served_model_answers_prompts_and_conversations(server: Server) -> None:
    assert server("GET", "/ping") == (200, {})
    status, found = server.ask({"prompt": ["The quick", "Deletes"], "max_tokens": 4})
    assert status == 200, found
    assert found["object"] == "text_completion"
    assert [choice["index"] for choice in found["choices"]] == [0, 1]
    usage = found["usage"]
    assert 0 < usage["completion_tokens"] <= 8
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    turn = {"role": "user", "content": "What is it?"}
    status, found = server.ask({"messages": [turn], "max_tokens": 3, "model": "drafts"})
    assert (status, found["object"], found["model"]) == (200, "chat.completion", "drafts")
    assert found["choices"][0]["message"]["role"] == "assistant"


def test_the_same_answer_comes_from_the_functions_that_the_image_calls(
    server: Server, folder: Path
) -> None:
    body = json.dumps({"prompt": "The quick", "max_tokens": 6, "temperature": 1, "seed": 7})
    model = inference.model_fn(str(folder))
    asked = inference.input_fn(body, "application/json; charset=utf-8")
    said = inference.output_fn(inference.predict_fn(asked, model), "application/json")
    assert (200, json.loads(said)) == server.ask(body)


def test_a_request_without_the_token_is_refused(server: Server) -> None:
    assert server.ask({"prompt": "The"}, Authorization="Bearer guess")[0] == 401


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("{", 400, "the body is no JSON"),
        ([], 400, "a request is an object, found list"),
        ({}, 400, "prompt, messages: one of the two is needed."),
        ({"prompt": "x", "stream": True}, 400, "stream: not known here. Leave it out;"),
        ({"prompt": [""], "max_tokens": 0}, 400, "max_tokens: expected a whole number from 1"),
        ({"prompt": "word " * 90}, 400, "and the model takes 64. Shorten it."),
        ({"messages": [{"role": "boss", "content": ""}]}, 400, "a role is one of system, user"),
    ],
)
def test_a_wrong_request_is_told_what_to_write(
    server: Server, body: Any, status: int, error: str
) -> None:
    found, document = server.ask(body)
    assert found == status
    assert error in document["error"]


def test_other_paths_and_types_are_refused(server: Server) -> None:
    assert server("POST", "/models", {})[0] == 404
    assert server.ask("prompt=x", **{"Content-Type": "text/plain"})[0] == 415
    assert server("GET", "/ping")[0] == 200


def test_a_tokenizer_without_a_template_cannot_word_a_conversation(folder: Path) -> None:
    model = load(folder)
    model.tokenizer.chat_template = None
    request = read_request({"messages": [{"role": "user", "content": "What?"}]})
    with pytest.raises(RequestError, match="has no chat template"):
        answer(model, request)


def test_a_folder_without_a_model_is_told_in_one_line(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "training_scripts.serve", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "no model there; config.json and *.safetensors are needed" in ended.stderr
    assert "Traceback" not in ended.stderr
