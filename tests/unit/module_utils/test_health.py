# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible_collections.blyan.ops.plugins.module_utils.health import Health, judge, look
from ansible_collections.blyan.ops.plugins.module_utils.web import Answer

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
    assert judge(Answer(500, {}, b"x" * 9999), GOOD).says == "HTTP 500 " + "x" * 200


def test_no_answer_is_bad_health() -> None:
    assert look("http://127.0.0.1:1/health", GOOD) == Health(False, "no answer (connection refused)")
    seen = look("http://localhost/health", GOOD, unix_socket="/nonexistent/blue.sock")
    assert seen == Health(False, "no answer (its socket is not there)")
