# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock that keeps two migrations of one database apart, wherever they are started from."""

from __future__ import annotations

import importlib
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable

from .durations import human
from .errors import OpsError

#: The key of the advisory lock: half of the first 8 bytes of the SHA-256 of "blyan.ops migration". Other tools that
#: migrate the same database keep out of the way with ``SELECT pg_advisory_lock(2668397095819844745)``.
LOCK = 2668397095819844745

# With or without the driver that SQLAlchemy has there.
_SCHEME = re.compile(r"postgres(ql)?(\+[a-z0-9_]+)?://", re.I)
_HOLDER = """
SELECT application_name, pid, client_addr FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND (classid::bigint << 32 | objid::bigint) = %s
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
# The connection says nothing while it holds the lock.
_MAY_BE_SILENT = "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'"


def postgresql(url: str) -> str:
    """A database URL as libpq takes it; empty where it is not one of PostgreSQL."""
    scheme = _SCHEME.match(url)
    return f"postgresql://{url[scheme.end() :]}" if scheme else ""


@contextmanager
def locked(url: str, wait: float, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a database for the length of a block, on a connection of its own.

    The connection is in no transaction, so that nothing in the database waits for it; the lock falls with it.

    Args:
        url: as :func:`postgresql` gives it; it is not repeated, as it has a password.
        wait: seconds to wait for another holder to end.
        say: told what is waited for.

    Raises:
        OpsError: the database cannot be reached, or another holds the lock all the time.
    """
    connection = _connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(_MAY_BE_SILENT)
            _acquire(cursor, wait, say)
        yield
    finally:
        connection.close()


def _acquire(cursor: Any, wait: float, say: Callable[[str], None]) -> None:
    deadline = time.monotonic() + wait
    while True:
        # Asked for again and again, as a query that waits in the database would be one of those that others wait for.
        cursor.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,))
        if cursor.fetchone()[0]:
            return
        cursor.execute(_HOLDER, (LOCK,))
        found = cursor.fetchone()
        name, pid, address = found or ("", "", "")
        holder = (
            f" ({name or 'a session'}, pid {pid} of the database, from {address or 'its own host'})" if found else ""
        )
        left = deadline - time.monotonic()
        if left < 0:
            raise OpsError(
                f"another migration of this database did not end within {human(wait)}{holder}",
                next_step="wait for it to end, or see in the database what it waits for",
            )
        say(f"waiting up to {human(left)} for another migration of this database{holder}")
        time.sleep(min(1.0, max(left, 0.05)))


def _connect(url: str) -> Any:
    try:
        psycopg2 = importlib.import_module("psycopg2")
    except ImportError as error:
        # Not a note: whoever reads notes at night has two migrations at a time then.
        raise OpsError(
            "DATABASE_URL names a PostgreSQL database, and without python3-psycopg2 no migration can lock it",
            next_step="run the playbook provision, or on the host: apt-get install python3-psycopg2",
        ) from error
    options = {"connect_timeout": 10, "application_name": f"blyan.ops migration on {socket.gethostname()}"[:63]}
    try:
        try:
            return psycopg2.connect(url, **options)
        except psycopg2.ProgrammingError:
            # Such as ?ssl=require, which other drivers know and libpq does not.
            return psycopg2.connect(url.partition("?")[0], **options)
    except psycopg2.ProgrammingError as error:
        raise OpsError("DATABASE_URL is no URL that libpq takes", next_step="correct it in deploy_secrets") from error
    except psycopg2.OperationalError as error:
        raise OpsError(
            f"the database cannot be reached to lock it: {str(error).strip()}",
            next_step="see that PostgreSQL runs, and that DATABASE_URL names it",
        ) from error
