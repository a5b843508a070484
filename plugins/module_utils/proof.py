# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proof that a provisioned host works, from outside: as the app signs in, as a client asks, as systemd sees it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from . import atomic, envfile
from . import layout as site
from .errors import OpsError
from .systemd import Systemd
from .web import Unanswered, get

_SECONDS = 5
_RIGHTS = """
    SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
           has_schema_privilege('public', 'CREATE')
    FROM pg_roles WHERE rolname = current_user
"""


def of_app() -> Iterator[OpsError]:
    """What the app could not do with what it is given in its environment file."""
    given = envfile.parse(atomic.read_text(site.SITE_ENVIRONMENT) or "")
    for name, proof in {"DATABASE_URL": of_database, "REDIS_URL": of_redis}.items():
        if name in given:
            yield from proof(given[name])
        else:
            yield OpsError(f"{site.SITE_ENVIRONMENT} has no {name}", next_step="run the playbook provision")


def of_database(url: str) -> Iterator[OpsError]:
    """Why the app could not use the database, or may do more there than it should."""
    try:
        connection = _library("psycopg2").connect(url, connect_timeout=_SECONDS)
        with connection.cursor() as cursor:
            cursor.execute(_RIGHTS)
            *excess, may_create = cursor.fetchone()
        connection.close()
    except OpsError as error:
        yield error
    except Exception as error:  # psycopg2's own, which is known only once it is imported
        yield _silent("PostgreSQL", url, error, "see `systemctl status postgresql` and its log in /var/log/postgresql")
    else:
        if any(excess):
            reason = "the app's role has rights of an administrator"
            yield OpsError(reason, next_step="see who gave them, and take them away")
        if not may_create:
            reason = "the app's role may not create tables"
            yield OpsError(reason, next_step="make it the owner of the database")


def of_redis(url: str) -> Iterator[OpsError]:
    """Why the app could not use Redis, or could lose what it stores there."""
    try:
        client = _library("redis").from_url(url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS)
        client.ping()
        persistence: Mapping[str, Any] = client.info("persistence")
    except OpsError as error:
        yield error
    except Exception as error:  # as above
        yield _silent("Redis", url, error, "see `systemctl status redis-server` and /var/log/redis/redis-server.log")
    else:
        if not persistence["aof_enabled"]:
            next_step = "see /etc/redis/blyan.conf and `redis-cli config get appendonly`"
            yield OpsError("Redis keeps no append-only file", next_step=next_step)


def of_nginx(url: str) -> Iterator[OpsError]:
    """Why nginx does not answer. While nothing is deployed it answers 502."""
    next_step = "see `systemctl status nginx`, /var/log/nginx/error.log"
    try:
        server = get(url, timeout=_SECONDS).headers.get("server", "")
        if not server.startswith("nginx"):
            yield OpsError(f"{url} is answered by {server or 'something'}, not by nginx", next_step=next_step)
    except Unanswered as error:
        yield OpsError(f"nginx does not answer {url}: {error}", next_step=next_step)


def of_unit(name: str, systemd: Systemd) -> Iterator[OpsError]:
    """Why a unit does not do its work, now or after the next boot."""
    unit = systemd.show(name)
    if unit.state != "active" or not unit.enabled:
        boot = "enabled" if unit.enabled else "not enabled"
        yield OpsError(f"{name} is {unit.state} and {boot}", next_step=f"look at: systemctl status {name}")


def without_password(url: str) -> str:
    """A URL as it may be shown."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _silent(server: str, url: str, error: Exception, next_step: str) -> OpsError:
    """A library may quote the URL that it was given, or a part of it."""
    password = urlsplit(url).password or ""
    secrets = [each for each in (url, password, unquote(password)) if each]
    (said,) = envfile.redact([" ".join(str(error).split())], secrets)
    return OpsError(f"{server} does not answer the app at {without_password(url)}: {said}", next_step=next_step)


def _library(name: str) -> Any:
    """A library that hosts have from Debian, for Debian's own Python."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise OpsError(
            f"the Python that Ansible uses here has no {name}",
            next_step=f"install python3-{name}, and leave ansible_python_interpreter at /usr/bin/python3",
        ) from error
