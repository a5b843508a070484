# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import proof
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd
from servers import answer, served
from units import Units

DATABASE = "postgresql://blyan:p%40ss-word@db:5432/blyandb"
REDIS = "redis://:p%40ss-word@db:6379/0"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://blyan:secret@db:5432/blyandb", "postgresql://db:5432/blyandb"),
        ("redis://:secret@[::1]:6379/0", "redis://[::1]:6379/0"),
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
    ],
)
def test_no_password_is_shown(url: str, shown: str) -> None:
    assert proof.without_password(url) == shown


class Cursor:
    """Gives one row: five rights of an administrator, and whether tables may be created."""

    def __init__(self, row: tuple[bool, ...]) -> None:
        self._row = row

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def execute(self, statement: str) -> None:
        pass

    def fetchone(self) -> tuple[bool, ...]:
        return self._row


def psycopg2(*row: bool) -> Any:
    connection = SimpleNamespace(cursor=lambda: Cursor(row), close=lambda: None)
    return SimpleNamespace(connect=lambda url, connect_timeout: connection)


def raises(text: str) -> Any:
    """A library whose every call fails with this text."""

    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError(text)

    return SimpleNamespace(connect=fail, from_url=fail)


@pytest.mark.parametrize(
    ("row", "reasons"),
    [
        ((False, False, False, False, False, True), []),
        ((False, True, False, False, False, True), ["the app's role has rights of an administrator"]),
        ((False, False, False, False, False, False), ["the app's role may not create tables"]),
    ],
)
def test_rights_in_the_database(monkeypatch: pytest.MonkeyPatch, row: tuple[bool, ...], reasons: list[str]) -> None:
    monkeypatch.setitem(sys.modules, "psycopg2", psycopg2(*row))
    assert [problem.reason for problem in proof.of_database(DATABASE)] == reasons


@pytest.mark.parametrize("kept", [True, False])
def test_redis_keeps_what_it_is_given(monkeypatch: pytest.MonkeyPatch, kept: bool) -> None:
    client = SimpleNamespace(ping=lambda: True, info=lambda section: {"aof_enabled": int(kept)})
    monkeypatch.setitem(sys.modules, "redis", SimpleNamespace(from_url=lambda url, **options: client))
    assert [each.reason for each in proof.of_redis(REDIS)] == ([] if kept else ["Redis keeps no append-only file"])


@pytest.mark.parametrize("quoted", [DATABASE, REDIS, "p%40ss-word", "p@ss-word"])
def test_what_a_library_says_has_no_password(monkeypatch: pytest.MonkeyPatch, quoted: str) -> None:
    for name in ("psycopg2", "redis"):
        monkeypatch.setitem(sys.modules, name, raises(f"cannot\n use {quoted}"))
    url = REDIS if quoted == REDIS else DATABASE
    for problem in (*proof.of_database(url), *proof.of_redis(url)):
        assert "does not answer the app at" in problem.reason
        assert "cannot use ***" in problem.reason
        assert "ss-word" not in problem.message()


def test_a_library_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    (problem,) = proof.of_database(DATABASE)
    assert problem.next_step.startswith("install python3-psycopg2")


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "502 Bad Gateway"])
def test_nginx_answers(status: str) -> None:
    with served(answer(status, b"", "Server: nginx/1.22.1")) as (url, _heads):
        assert list(proof.of_nginx(url)) == []


def test_something_else_answers() -> None:
    with served(answer("200 OK", b"", "Server: uvicorn")) as (url, _heads):
        (problem,) = proof.of_nginx(url)
    assert "answered by uvicorn, not by nginx" in problem.reason


def test_nothing_answers() -> None:
    (problem,) = proof.of_nginx("http://127.0.0.1:1/")
    assert problem.reason == "nginx does not answer http://127.0.0.1:1/: connection refused"


@pytest.mark.parametrize(
    ("active", "enabled", "reasons"),
    [
        (True, True, []),
        (False, True, ["a.timer is inactive and enabled"]),
        (True, False, ["a.timer is active and not enabled"]),
    ],
)
def test_units(units: Units, active: bool, enabled: bool, reasons: list[str]) -> None:
    units.states.update({"a.timer": "active"} if active else {})
    units.enabled |= {"a.timer"} if enabled else set()
    assert [problem.reason for problem in proof.of_unit("a.timer", Systemd())] == reasons
