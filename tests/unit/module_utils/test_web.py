# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.health import Health, look
from ansible_collections.blyan.ops.plugins.module_utils.web import Answer, Unanswered, get, post
from app import App, running
from servers import answer, served

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"


def test_over_tcp() -> None:
    with served(answer("200 OK", b'{"a": 1}', "X-Blyan-Slot: blue")) as (url, heads):
        got = get(f"{url}/health?deep=1")
    assert (got.status, got.json(), got.headers["x-blyan-slot"]) == (200, {"a": 1}, "blue")
    assert heads[0].startswith("GET /health?deep=1 HTTP/1.1\r\n")
    assert "Connection: close" in heads[0]


def test_over_a_unix_socket(tmp_path: Path) -> None:
    with served(answer("200 OK", b"hi"), tmp_path / "blue.sock") as (url, heads):
        got = get(url, unix_socket=str(tmp_path / "blue.sock"))
    assert got.body == b"hi"
    assert heads[0].startswith("GET / HTTP/1.1\r\nHost: localhost\r\n")


def test_json_is_posted_with_headers(tmp_path: Path) -> None:
    app = App(key="secret")
    with running(app, tmp_path / "blue.sock"):
        got = post(
            "http://localhost/p2p/register",
            {"host": "h", "port": 1},
            unix_socket=str(tmp_path / "blue.sock"),
            headers={"X-API-Key": "secret"},
        )
    assert (got.status, app.registered) == (200, [{"host": "h", "port": 1}])


def test_headers_are_sent() -> None:
    with served(answer("200 OK")) as (url, heads):
        get(url, headers={"X-API-Key": "secret"})
    assert "X-API-Key: secret\r\n" in heads[0]


def test_an_error_is_an_answer() -> None:
    with served(answer("503 Unavailable", b"no")) as (url, _heads):
        assert get(url).status == 503


def test_a_redirect_is_not_followed() -> None:
    with served(answer("301 Moved", b"", "Location: http://127.0.0.1:1/")) as (url, heads):
        assert get(url).status == 301
    assert len(heads) == 1


@pytest.mark.parametrize("ends", [CHUNKED, b"HTTP/1.0 200 OK\r\n\r\nhello world"], ids=["chunked", "by closing"])
def test_a_body_without_a_length(ends: bytes) -> None:
    with served(lambda client: client.sendall(ends)) as (url, _heads):
        assert get(url).body == b"hello world"


def test_a_body_is_read_up_to_a_bound() -> None:
    def flood(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        while True:
            client.sendall(b"x" * 65536)

    with served(flood) as (url, _heads):
        assert 4_000_000 < len(get(url, timeout=60).body) < 5_000_000


def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with served(answer("200 OK")) as (url, _heads):
        assert get(url).status == 200


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "connection closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "BadStatusLine: SSH-2.0-OpenSSH_9.2"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "IncompleteRead"),
    ],
)
def test_what_is_no_answer(said: bytes, why: str) -> None:
    with served(lambda client: client.sendall(said)) as (url, _heads), pytest.raises(Unanswered, match=why):
        get(url)


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(Unanswered, match="connection refused"):
        get("http://127.0.0.1:1/")
    with pytest.raises(Unanswered, match="its socket is not there"):
        get("http://localhost/", unix_socket=str(tmp_path / "blue.sock"))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "dead.sock"))
    listener.close()
    with pytest.raises(Unanswered, match="connection refused"):
        get("http://localhost/", unix_socket=str(tmp_path / "dead.sock"))


def test_a_server_that_says_nothing_times_out() -> None:
    ended = threading.Event()
    try:
        with served(lambda client: ended.wait(30) and None) as (url, _heads):
            begun = time.monotonic()
            with pytest.raises(Unanswered, match="timed out"):
                get(url, timeout=0.2)
            assert time.monotonic() - begun < 10
            ended.set()
    finally:
        ended.set()


def test_a_stream_that_goes_on_times_out() -> None:
    """Such as a path of server-sent events, named as the health path by mistake."""
    ended = threading.Event()

    def stream(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        while not ended.wait(0.02):
            client.sendall(b"data: x\n\n")

    try:
        with served(stream) as (url, _heads):
            with pytest.raises(Unanswered, match="timed out"):
                get(url, timeout=0.3)
            ended.set()
    finally:
        ended.set()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1/api",
        "ftp://host/",
        "http://",
        "http://host:99999/",
        "http://[::1/",
        "http://host/a b",
        "http://host/ä",
    ],
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(OpsError, match="is not an HTTP URL") as caught:
        get(url)
    assert repr(url) in caught.value.reason


def test_health_over_a_unix_socket(tmp_path: Path) -> None:
    told = answer("200 OK", b'{"status": "healthy"}', "X-Blyan-Release: r2", "X-Blyan-Slot: blue")
    with served(told, tmp_path / "blue.sock") as (url, _heads):
        seen = look(url + "/health", ["healthy"], unix_socket=str(tmp_path / "blue.sock"))
    assert seen == Health(True, "HTTP 200 with status healthy", "r2", "blue")


def test_a_body_that_is_no_json_is_none() -> None:
    assert Answer(200, {}, b"<html>").json() is None
