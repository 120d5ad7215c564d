"""What the receipt says of this machine."""

from __future__ import annotations

import json
import platform
import socket

from orchestrator.local.surroundings import surroundings


def test_versions_are_those_that_are_installed() -> None:
    versions = surroundings()["versions"]
    assert isinstance(versions, dict)
    assert versions["python"] == platform.python_version()
    assert "fm-orchestrator" in versions
    assert all(version for version in versions.values())


def test_the_host_is_not_named() -> None:
    assert socket.gethostname() not in json.dumps(surroundings())
