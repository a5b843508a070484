# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock, on a database that is a stand-in; on a real one it is tried end to end."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import database
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError

URL = "postgresql://blyan:hunter2@db/blyandb"


class Driver(ModuleType):
    """psycopg2, and the one connection that it makes.

    Args:
        taken: how often another session has the lock when it is asked for.
    """

    class ProgrammingError(Exception):
        """A URL that it cannot read."""

    class OperationalError(Exception):
        """A server that it cannot reach."""

    def __init__(self, taken: int = 0) -> None:
        super().__init__("psycopg2")
        self.taken, self.autocommit, self.closed = taken, False, False
        self.urls: list[str] = []
        self.asked: list[str] = []
        self.errors: list[Exception] = []

    def connect(self, url: str, **options: Any) -> Driver:
        self.urls.append(url)
        if "?" in url:
            raise self.ProgrammingError("invalid URI query parameter")
        for error in self.errors:
            raise error
        return self

    def cursor(self) -> Driver:
        return self

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, query: str, values: tuple[int, ...] = ()) -> None:
        self.asked.append(query)
        assert values in ((), (database.LOCK,))

    def fetchone(self) -> tuple[Any, ...]:
        if "pg_try_advisory_lock" in self.asked[-1]:
            self.taken -= 1
            return (self.taken < 0,)
        return ("by hand", 4711, None)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    driver = Driver()
    monkeypatch.setitem(sys.modules, "psycopg2", driver)
    monkeypatch.setattr(database.time, "sleep", lambda seconds: None)
    return driver


def test_the_key_is_the_one_that_is_documented() -> None:
    assert int.from_bytes(hashlib.sha256(b"blyan.ops migration").digest()[:8], "big") >> 1 == database.LOCK


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        (URL, URL),
        ("postgres://h/d", "postgresql://h/d"),
        ("PostgreSQL+psycopg2://u:p@h/d?a=b", "postgresql://u:p@h/d?a=b"),
        ("postgresql+asyncpg://h/d", "postgresql://h/d"),
        ("mysql://h/d", ""),
        ("sqlite:///d", ""),
        ("", ""),
        ("host=h dbname=d", ""),
    ],
)
def test_what_is_of_postgresql(url: str, taken: str) -> None:
    assert database.postgresql(url) == taken


def test_the_lock_is_held_outside_of_any_transaction_and_then_given_back(driver: Driver) -> None:
    said: list[str] = []
    with database.locked(URL, 10, said.append):
        assert driver.autocommit
        assert "pg_try_advisory_lock" in driver.asked[-1]
        assert not driver.closed
    assert driver.closed
    assert said == []


def test_another_is_waited_for(driver: Driver) -> None:
    said: list[str] = []
    driver.taken = 2
    with database.locked(URL, 600, said.append):
        pass
    assert len(said) == 2
    assert said[0].endswith("another migration of this database (by hand, pid 4711 of the database, from its own host)")


def test_another_that_does_not_end(driver: Driver) -> None:
    driver.taken = 1_000_000
    with (
        pytest.raises(OpsError, match="another migration of this database did not end within 0s \\(by hand, pid 4711"),
        database.locked(URL, 0, lambda text: None),
    ):
        pytest.fail("it was not to be held")
    assert driver.closed


def test_what_only_another_driver_knows_is_left_out(driver: Driver) -> None:
    with database.locked(f"{URL}?ssl=require", 10, lambda text: None):
        assert driver.urls == [f"{URL}?ssl=require", URL]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Driver.ProgrammingError("missing host in hunter2"), "DATABASE_URL is no URL that libpq takes"),
        (
            Driver.OperationalError("connection refused\n"),
            "the database cannot be reached to lock it: connection refused",
        ),
    ],
)
def test_a_database_that_cannot_be_locked(driver: Driver, error: Exception, reason: str) -> None:
    driver.errors = [error]
    with pytest.raises(OpsError) as caught, database.locked(URL, 10, lambda text: None):
        pytest.fail("it was not to be held")
    assert caught.value.reason == reason
    assert "hunter2" not in caught.value.message()


def test_without_the_driver_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(OpsError, match="without python3-psycopg2"), database.locked(URL, 10, lambda text: None):
        pytest.fail("it was not to be held")
