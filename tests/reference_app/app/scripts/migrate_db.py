# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the database that DATABASE_URL names to the schema of this version.

--print-schema changes nothing, and prints the schema that it has and the one that this version needs.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import psycopg2

# Number, name, SQL. Only ever added to: what has run somewhere is history.
MIGRATIONS = [
    (
        1,
        "keys and usage",
        """
        CREATE TABLE api_keys (
            key_id text PRIMARY KEY,
            key_type text NOT NULL,
            key_value text NOT NULL UNIQUE,
            description text NOT NULL,
            is_active boolean NOT NULL DEFAULT true,
            created_at timestamptz NOT NULL DEFAULT now(),
            last_rotated timestamptz NOT NULL DEFAULT now(),
            rotation_interval_days integer NOT NULL
        );
        CREATE TABLE usage (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            address text NOT NULL,
            at timestamptz NOT NULL DEFAULT now()
        );
        """,
    ),
]


def schema(cursor: Any) -> int:
    """The schema version of the database; 0 for an empty one."""
    cursor.execute("SELECT to_regclass('schema_migrations')")
    if cursor.fetchone()[0] is None:
        return 0
    cursor.execute("SELECT coalesce(max(version), 0) FROM schema_migrations")
    return int(cursor.fetchone()[0])


def migrate(cursor: Any) -> str:
    # The running version waits behind a table that is to be altered: rather give up than keep it waiting.
    cursor.execute("SET LOCAL lock_timeout = '5s'")
    cursor.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations"
        " (version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    cursor.execute("LOCK TABLE schema_migrations IN EXCLUSIVE MODE")
    before = schema(cursor)
    for version, name, sql in MIGRATIONS:
        if version > before:
            try:
                cursor.execute(sql)
            except psycopg2.Error as error:
                raise SystemExit(f"migration {version} ({name}) failed: {str(error).strip()}") from error
            cursor.execute("INSERT INTO schema_migrations (version, name) VALUES (%s, %s)", (version, name))
    after = schema(cursor)
    return f"schema {before}, nothing to do" if after == before else f"schema {before} -> {after}"


def main() -> None:
    url = os.environ.get("DATABASE_URL")
    if not url:
        raise SystemExit("DATABASE_URL is not set: it names the database to migrate")
    try:
        # One transaction for all: it commits at the end, or nothing of it has happened.
        with psycopg2.connect(url, connect_timeout=10) as connection, connection.cursor() as cursor:
            if sys.argv[1:] == ["--print-schema"]:
                answer = f"{schema(cursor)} {MIGRATIONS[-1][0]}"
            elif not sys.argv[1:]:
                answer = migrate(cursor)
            else:
                raise SystemExit(f"usage: {sys.argv[0]} [--print-schema]")
    except psycopg2.Error as error:
        raise SystemExit(f"migrations failed: {str(error).strip()}") from error
    print(answer)


if __name__ == "__main__":
    main()
