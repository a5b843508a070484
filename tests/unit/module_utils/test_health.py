# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import envfile
from ansible_collections.blyan.ops.plugins.module_utils.health import Health, judge, look
from ansible_collections.blyan.ops.plugins.module_utils.web import Answer
from host import Host
from servers import answer, served

GOOD = ("healthy", "ok")
WHO = {"x-blyan-release": "r2", "x-blyan-slot": "green"}


@pytest.mark.parametrize(
    ("status", "body", "good", "says"),
    [
        (200, {"status": "healthy"}, True, "HTTP 200 with status healthy"),
        (200, {"status": "ok", "more": [1]}, True, "HTTP 200 with status ok"),
        (200, {"status": "unhealthy"}, False, "HTTP 200 with status unhealthy"),
        (200, {"status": "Healthy"}, False, "HTTP 200 with status Healthy"),
        (200, {"status": True}, False, "HTTP 200 with a body that has no status"),
        (200, {}, False, "HTTP 200 with a body that has no status"),
        (200, ["healthy"], False, "HTTP 200 with a body that has no status"),
        (200, None, False, "HTTP 200 with a body that has no status"),
        (503, {"status": "healthy"}, False, 'HTTP 503 {"status": "healthy"}'),
        (204, {"status": "healthy"}, False, 'HTTP 204 {"status": "healthy"}'),
    ],
)
def test_judge(status: int, body: object, good: bool, says: str) -> None:
    answer = Answer(status, WHO, json.dumps(body).encode())
    assert judge(answer, GOOD) == Health(good, says, "r2", "green")


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"status": "healthy"', b'{"status": "\xff"}', b"[" * 100_000])
def test_a_body_that_is_no_json(body: bytes) -> None:
    assert judge(Answer(200, {}, body), GOOD) == Health(False, "HTTP 200 with a body that has no status")


def test_where_200_is_enough() -> None:
    assert judge(Answer(200, {}, b"hello"), ()) == Health(True, "HTTP 200")
    assert not judge(Answer(500, {}, b"hello"), ()).good


def test_a_long_error_is_cut() -> None:
    assert judge(Answer(500, {}, b"x" * 9999), GOOD).says == "HTTP 500 " + "x" * 200 + "..."
    seen = judge(Answer(200, {}, json.dumps({"status": "x" * 9999}).encode()), GOOD)
    assert seen.says == "HTTP 200 with status " + "x" * 200 + "..."


NGINX = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n</body>\r\n</html>\r\n"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "HTTP 502"),
        (NGINX, "HTTP 502"),
        (b"\n<!DOCTYPE html><p>no", "HTTP 502"),
        (b"Internal Server Error\n", "HTTP 502 Internal Server Error"),
        ("Datenbank läuft nicht".encode(), "HTTP 502 Datenbank läuft nicht"),
        (b'{"detail": "no database"}', 'HTTP 502 {"detail": "no database"}'),
        (b'{\n  "detail": {\n    "redis": "gone"\n  }\n}\n', 'HTTP 502 { "detail": { "redis": "gone" } }'),
        (b"Traceback (most recent call last):\n  File x\n", "HTTP 502"),
        (b"\x1b[31mred", "HTTP 502"),
    ],
)
def test_a_body_is_quoted_where_it_is_one_line_for_people(body: bytes, says: str) -> None:
    assert judge(Answer(502, {}, body), GOOD).says == says


def test_a_status_of_several_lines_is_not_quoted() -> None:
    body = json.dumps({"status": "a\nb"}).encode()
    assert judge(Answer(200, {}, body), GOOD).says == "HTTP 200 with status that cannot be shown"


def test_no_answer_is_bad_health() -> None:
    assert look("http://127.0.0.1:1/health", GOOD) == Health(False, "no answer (connection refused)")
    seen = look("http://localhost/health", GOOD, unix_socket="/nonexistent/blue.sock")
    assert seen == Health(False, "no answer (its socket is not there)")


PASSWORD = 's3cret"pw\\  x'
URL = "postgresql://blyan:s3cret%22pw%5C%20%20x@db/blyan"


@pytest.fixture
def host_with_secrets(host: Host) -> Host:
    """The app has its database in one file, and secrets of its own in that of the slot."""
    (host.etc / "slots").mkdir()
    (host.etc / "site.env").write_text(f"DATABASE_URL={URL}\n")
    (host.etc / "slots" / "green.env").write_text(envfile.render({"TOKEN": "canary-of-green"}))
    (host.etc / "master_key.env").write_text("API_MASTER_KEY=canary-of-the-host\n")
    return host


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("503 No", f"cannot reach {URL}".encode()),
        ("503 No", f"password {PASSWORD}".encode()),
        ("503 No", json.dumps({"detail": f"cannot sign in with {PASSWORD}"}).encode()),
        ("503 No", b"x" * 190 + URL.encode()),
        ("503 No", b"{'TOKEN': 'canary-of-green', 'API_MASTER_KEY': 'canary-of-the-host'}"),
        ("200 OK", json.dumps({"status": f"no database at {URL}"}).encode()),
    ],
)
def test_what_the_app_says_has_no_secret_of_it(host_with_secrets: Host, status: str, body: bytes) -> None:
    with served(answer(status, body)) as (url, _heads):
        says = look(url, GOOD).says
    assert "***" in says
    for secret in ("s3cret", "canary"):
        assert secret not in says


def test_what_is_no_http_has_no_secret_either(host_with_secrets: Host) -> None:
    with served(lambda client: client.sendall(f"{URL}\r\n".encode())) as (url, _heads):
        assert look(url, GOOD).says == "no answer (BadStatusLine: ***)"
