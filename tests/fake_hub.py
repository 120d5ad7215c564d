"""A Hugging Face hub on this machine: serves the models of a folder, and refuses in known ways.

A process of its own, because tests may not open sockets. `ROOT/OWNER/NAME/...` is a model;
`acme/gated` and `acme/broken` answer 403 and 503, `acme/slow` does not answer, and
`acme/members` asks for a token. Every
request is a line of `ROOT/requests`.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHA = "a" * 40
SERVER = """
import hashlib, json, pathlib, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT = pathlib.Path(sys.argv[1])
SHA = "a" * 40
REFUSED = {"acme/gated": (403, "GatedRepo"), "acme/broken": (503, "")}

def sibling(name, content):
    size = len(content)
    blob = hashlib.sha1(b"blob %d\\0" % size + content).hexdigest()
    facts = {"rfilename": name, "size": size, "blobId": blob}
    if name.endswith(".safetensors"):
        sha = hashlib.sha256(content).hexdigest()
        facts["lfs"] = {"sha256": sha, "size": size, "pointerSize": 134}
    return facts

class Hub(BaseHTTPRequestHandler):
    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self):
        path = self.path.split("?")[0].strip("/")
        with (ROOT / "requests").open("a") as log:
            log.write(f"{self.command} {path}\\n")
        is_api = path.startswith("api/models/")
        owner, name, *rest = path.removeprefix("api/models/").split("/")
        model, folder = f"{owner}/{name}", ROOT / owner / name
        files = [str(p.relative_to(folder)) for p in sorted(folder.rglob("*")) if p.is_file()]
        if model == "acme/slow":
            time.sleep(600)
        elif model == "acme/members" and not self.headers.get("Authorization"):
            self.answer(403, b"{}", X_Error_Code="GatedRepo")
        elif model in REFUSED:
            status, code = REFUSED[model]
            self.answer(status, b"{}", X_Error_Code=code)
        elif not files:
            self.answer(401, b"{}", X_Error_Code="RepoNotFound")
        elif not is_api:
            content = folder.joinpath(*rest[2:]).read_bytes()
            self.answer(200, content, X_Repo_Commit=SHA, ETag=f'"{rest[-1]}-{len(content)}"')
        elif rest[:1] == ["tree"]:
            one = {"type": "file", "oid": "0" * 40}
            found = [{**one, "path": f, "size": (folder / f).stat().st_size} for f in files]
            self.answer(200, json.dumps(found).encode(), Content_Type="application/json")
        elif rest[1:] and rest[1] not in ("main", SHA):
            self.answer(404, b"{}", X_Error_Code="RevisionNotFound")
        else:
            siblings = [sibling(name, (folder / name).read_bytes()) for name in files]
            info = {"id": model, "sha": SHA, "siblings": siblings, "tags": []}
            self.answer(200, json.dumps(info).encode(), Content_Type="application/json")

    do_HEAD = do_GET

    def log_message(self, *arguments):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
server.daemon_threads = True
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextlib.contextmanager
def serving(root: Path) -> Iterator[str]:
    """Serve the models below `root`; yield the endpoint."""
    command = [sys.executable, "-c", SERVER, str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.terminate()


def requested(root: Path) -> list[str]:
    """Return the requests so far, such as `GET acme/good/resolve/.../config.json`."""
    log = root / "requests"
    return log.read_text().splitlines() if log.exists() else []
