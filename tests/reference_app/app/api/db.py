# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL and Redis: all that outlives a process is kept there."""

from __future__ import annotations

import os
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import redis

FREE_TIER_DB = 5
LEADERBOARD_DB = 3
CONNECTIONS = 10
WAIT_S = 5.0

# A place for each connection that may exist; None where it is not open.
_pool: queue.LifoQueue[Any] = queue.LifoQueue()
for _ in range(CONNECTIONS):
    _pool.put(None)


def connect(**options: Any) -> Any:
    url = os.environ.get("DATABASE_URL")
    if not url:
        raise psycopg2.OperationalError("DATABASE_URL is not set")
    return psycopg2.connect(url, connect_timeout=2, tcp_user_timeout=5000, **options)


def _alive(connection: Any) -> Any:
    """The connection, or a new one where the server has closed it since (a restart, a swap)."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (AttributeError, psycopg2.OperationalError, psycopg2.InterfaceError):
        return connect()
    return connection


@contextmanager
def transaction() -> Iterator[Any]:
    """A cursor; committed at the end, rolled back on an error."""
    try:
        connection = _pool.get(timeout=WAIT_S)
    except queue.Empty:
        raise psycopg2.OperationalError(f"no database connection came free in {WAIT_S:g} s") from None
    try:
        connection = _alive(connection)
        with connection, connection.cursor() as cursor:
            yield cursor
    finally:
        _pool.put(connection)


@cache
def redis_db(number: int) -> redis.Redis:
    """A client of one database of the server that REDIS_URL names."""
    url = urlsplit(os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379")
    # The path of the URL names a database too, but the purpose decides it here.
    return redis.Redis.from_url(url._replace(path=f"/{number}").geturl(), socket_timeout=1, socket_connect_timeout=1)
