# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove from outside that what was provisioned works; say what does not.

It takes what to prove as one JSON argument and prints what it found as JSON. The passwords it reads from the file that
the app reads, so that what is proven is what the app will do.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 5
SITE_ENVIRONMENT = Path("/etc/blyan/site.env")
RIGHTS = """
    SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
           has_schema_privilege('public', 'CREATE')
    FROM pg_roles WHERE rolname = current_user
"""


def environment(text: str) -> dict[str, str]:
    """The variables of an environment file of systemd, of which none is quoted."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


def without_password(url: str) -> str:
    """A URL as it may be shown."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def database_problem(url: str) -> str | None:
    """Why the app could not use the database, or may do more there than it should."""
    try:
        connection: Any = importlib.import_module("psycopg2").connect(url, connect_timeout=TIMEOUT)
        with connection.cursor() as cursor:
            cursor.execute(RIGHTS)
            *excess, may_create = cursor.fetchone()
        connection.close()
    except Exception as error:  # psycopg2 is known only once it is imported.
        return f"PostgreSQL does not answer the app at {without_password(url)}: {error}".strip()
    if any(excess):
        return "The app's role has rights of an administrator. Next: see who gave them, and take them away."
    return None if may_create else "The app's role may not create tables. Next: make it the owner of the database."


def redis_problem(url: str) -> str | None:
    """Why the app could not use Redis, or could lose what it stores there."""
    try:
        client: Any = importlib.import_module("redis").from_url(url, socket_timeout=TIMEOUT)
        client.ping()
        persistence = client.info("persistence")
    except Exception as error:  # As above.
        return f"Redis does not answer the app at {without_password(url)}: {error}".strip()
    if not persistence["aof_enabled"]:
        return "Redis keeps no append-only file. Next: see /etc/redis/blyan.conf and `redis-cli config get appendonly`."
    return None


def nginx_problem(url: str) -> str | None:
    """Why nginx does not answer. While nothing is deployed it answers 502."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT):
            return None
    except urllib.error.HTTPError as error:
        server = error.headers.get("Server", "")
        return None if server.startswith("nginx") else f"{url} is answered by {server or 'something'}, not by nginx."
    except OSError as error:
        return f"nginx does not answer {url}: {error}. Next: see `systemctl status nginx`, /var/log/nginx/error.log."


def unit_problem(action: str, units: Iterable[str]) -> str | None:
    """The units that are not enabled, or not active."""
    found = subprocess.run(["systemctl", action, *units], capture_output=True, text=True, check=False)
    states = [f"{unit}: {state}" for unit, state in zip(units, found.stdout.split())]
    return None if found.returncode == 0 else f"systemctl {action} says {', '.join(states)}."


def main() -> None:
    """Print the problems as JSON."""
    wanted: dict[str, Any] = json.loads(sys.argv[1])
    found = [nginx_problem(url) for url in wanted["urls"]]
    if wanted["app"]:
        site = environment(SITE_ENVIRONMENT.read_text(encoding="utf-8"))
        found += [database_problem(site["DATABASE_URL"]), redis_problem(site["REDIS_URL"])]
    if wanted["units"]:
        found += [unit_problem(action, wanted["units"]) for action in ("is-enabled", "is-active")]
    print(json.dumps({"problems": [problem for problem in found if problem]}))


if __name__ == "__main__":
    main()
