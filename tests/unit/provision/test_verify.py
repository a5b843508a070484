# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from .scripts import load, program

verify = load("verify")


def test_environment() -> None:
    text = "# a comment\nDATABASE_URL=postgresql://u:p%3D@h:1/d\nREDIS_URL=redis://h:2/0\n"
    assert verify.environment(text) == {"DATABASE_URL": "postgresql://u:p%3D@h:1/d", "REDIS_URL": "redis://h:2/0"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://blyan:secret@db:5432/blyandb", "postgresql://db:5432/blyandb"),
        ("redis://:secret@[::1]:6379/0", "redis://[::1]:6379/0"),
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
    ],
)
def test_no_password_is_shown(url: str, shown: str) -> None:
    assert verify.without_password(url) == shown


class Front(BaseHTTPRequestHandler):
    """Answers /STATUS as a server of the class's name."""

    server_name = ""

    def do_GET(self) -> None:
        self.send_response_only(int(self.path[1:]))
        self.send_header("Server", self.server_name)
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@pytest.fixture
def front(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a server that calls itself by the name given."""
    handler = type("Named", (Front,), {"server_name": request.param})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("front", ["nginx"], indirect=True)
@pytest.mark.parametrize("status", [200, 404, 502])
def test_nginx_answers(front: str, status: int) -> None:
    assert verify.nginx_problem(f"{front}/{status}") is None


@pytest.mark.parametrize("front", ["uvicorn"], indirect=True)
def test_something_else_answers(front: str) -> None:
    assert "answered by uvicorn, not by nginx" in verify.nginx_problem(f"{front}/404")


def test_nothing_answers() -> None:
    assert "nginx does not answer" in verify.nginx_problem("http://127.0.0.1:1/")


def test_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program(tmp_path, "systemctl", 'printf "enabled\\ndisabled\\n"; [ "$3" = a.timer ]')
    assert verify.unit_problem("is-enabled", ["a.timer", "a.timer"]) is None
    problem = verify.unit_problem("is-enabled", ["a.timer", "b.timer"])
    assert problem == "systemctl is-enabled says a.timer: enabled, b.timer: disabled."
