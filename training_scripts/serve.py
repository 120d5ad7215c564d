"""Serve a model over HTTP, as SageMaker asks a container of one's own: /ping and /invocations.

    python -m training_scripts.serve FOLDER [--base FOLDER] [--host 127.0.0.1] [--port 8080]

On this machine, which is what `127.0.0.1` means, a request needs the token that is printed at the
start, or given in `FMO_SERVE_TOKEN`: other programs and web pages reach that address too. In a
container, `--host 0.0.0.0` is what SageMaker's own router reaches, and nothing else does.
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
import secrets
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training_scripts.container import JobFailure
from training_scripts.serving.requests import RequestError, read_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from training_scripts.serving.requests import Request

TOKEN_VARIABLE = "FMO_SERVE_TOKEN"  # noqa: S105 - the name of a variable
LOOPBACK = "127.0.0.1"
MOST_BYTES = 25 * 2**20
"""Of a request's body (SageMaker InvokeEndpoint, 25 MB)."""
SECONDS = 60
"""How long a client may take to send its request."""


class ModelServer(ThreadingHTTPServer):
    """Answers requests one after the other; health checks at any time."""

    daemon_threads = True

    def __init__(
        self,
        address: tuple[str, int],
        answer: Callable[[Request], dict[str, Any]],
        token: str | None,
    ) -> None:
        super().__init__(address, Handler)
        self.token = token
        self._answer = answer
        self._turn = threading.Lock()

    def answer(self, body: bytes) -> tuple[HTTPStatus, dict[str, Any]]:
        """Return the status and the document that a request's body is answered with."""
        try:
            request = read_request(json.loads(body))
            with self._turn:  # A second answer at the same time would only slow both.
                return HTTPStatus.OK, self._answer(request)
        except RequestError as error:
            return HTTPStatus.BAD_REQUEST, {"error": str(error)}
        except ValueError:
            return HTTPStatus.BAD_REQUEST, {"error": "the body is no JSON. Write {'prompt': TEXT}."}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: ModelServer
    timeout = SECONDS

    def do_GET(self) -> None:
        """Answer a health check: the model is loaded before the server listens."""
        found = self.path == "/ping"
        self._send(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND, {})

    def do_POST(self) -> None:
        """Answer a request to /invocations."""
        refused = self._refusal()
        if refused is not None:
            self.close_connection = True  # Its body was not read.
            self._send(refused, {"error": refused.description or refused.phrase})
            return
        length = int(self.headers["Content-Length"])
        self._send(*self.server.answer(self.rfile.read(length)))

    def log_message(self, *_: object) -> None:
        """Write nothing: prompts and addresses are nobody's business."""

    def _refusal(self) -> HTTPStatus | None:
        if self.path != "/invocations":
            return HTTPStatus.NOT_FOUND
        given = self.headers.get("Authorization", "").encode()
        token = self.server.token
        if token is not None and not hmac.compare_digest(given, f"Bearer {token}".encode()):
            return HTTPStatus.UNAUTHORIZED
        # Web pages may send plain text anywhere without asking; JSON they may not.
        if not self.headers.get("Content-Type", "").startswith("application/json"):
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            return HTTPStatus.LENGTH_REQUIRED
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE if int(length) > MOST_BYTES else None

    def _send(self, status: HTTPStatus, document: dict[str, Any]) -> None:
        body = json.dumps(document, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> int:
    """Serve until the process is ended; return the exit code."""
    from training_scripts.serving.answering import answer, load

    options = read_options()
    try:
        model = load(options.model, base=options.base)
    except JobFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    token = token_for(options.host)
    address = (options.host, options.port)
    with ModelServer(address, lambda request: answer(model, request), token) as server:
        print(f"listening on http://{options.host}:{server.server_port}", flush=True)
        if token is not None and TOKEN_VARIABLE not in os.environ:
            print(f"token {token}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


def read_options() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description="Serve a model over /ping and /invocations.")
    parser.add_argument("model", type=Path, help="its folder")
    parser.add_argument("--base", type=Path, help="the folder of the model under an adapter")
    parser.add_argument("--host", default=LOOPBACK)
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT") or 8080)
    parser.add_argument("--port", type=int, default=port, help="0 for any that is free")
    return parser.parse_args()


def token_for(host: str) -> str | None:
    """Return the token that requests need; None in a container, which only its router reaches."""
    return os.environ.get(TOKEN_VARIABLE) or (secrets.token_urlsafe() if host == LOOPBACK else None)


if __name__ == "__main__":
    sys.exit(main())
