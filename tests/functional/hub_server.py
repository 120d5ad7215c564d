"""A hub of models on this machine: `python hub_server.py FOLDER` serves FOLDER/OWNER/NAME.

Prints its port. A program of its own, since tests may not open sockets.
"""

from __future__ import annotations

import hashlib
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

REVISION = "a" * 40


class Hub(BaseHTTPRequestHandler):
    """What `huggingface_hub` asks for when it takes a snapshot of a model."""

    root: Path

    def do_GET(self) -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        is_api = parts[:2] == ["api", "models"]
        owner_and_name, rest = (parts[2:4], parts[4:]) if is_api else (parts[:2], parts[2:])
        folder = self.root.joinpath(*owner_and_name)
        names = sorted(path.name for path in folder.glob("*"))
        if not names:
            self.answer(401, b"{}", X_Error_Code="RepoNotFound")
        elif not is_api:
            content = (folder / rest[-1]).read_bytes()
            tag = hashlib.sha256(content).hexdigest()
            self.answer(200, content, X_Repo_Commit=REVISION, ETag=f'"{tag}"')
        elif rest[:1] == ["tree"]:
            self.answer_json(
                [
                    {"type": "file", "path": name, "size": size(folder / name), "oid": "0" * 40}
                    for name in names
                ]
            )
        else:
            siblings = [{"rfilename": name} for name in names]
            model_id = "/".join(owner_and_name)
            self.answer_json({"id": model_id, "sha": REVISION, "siblings": siblings, "tags": []})

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def answer_json(self, value: object) -> None:
        """Send `value`."""
        self.answer(200, json.dumps(value).encode(), Content_Type="application/json")

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """Send an answer; an underscore in a header's name stands for a hyphen."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def size(path: Path) -> int:
    """Return how many bytes the file has."""
    return path.stat().st_size


if __name__ == "__main__":
    Hub.root = Path(sys.argv[1])
    server = HTTPServer(("127.0.0.1", 0), Hub)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
