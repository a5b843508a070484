# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The URLs at which the app finds its servers. Pure."""

from __future__ import annotations

from urllib.parse import quote


def database_url(password: object, user: object, host: object, port: object, database: object) -> str:
    """The URL of a PostgreSQL database; whatever stands in a name or password is read back from it as it is."""
    return f"postgresql://{_quoted(user)}:{_quoted(password)}@{_host(host)}:{port}/{_quoted(database)}"


def redis_url(password: object, host: object, port: object) -> str:
    """The URL of the first database of a Redis; an empty password for one that asks for none."""
    sign_in = f":{_quoted(password)}@" if password else ""
    return f"redis://{sign_in}{_host(host)}:{port}/0"


def _quoted(part: object) -> str:
    return quote(str(part), safe="")


def _host(host: object) -> str:
    """An IPv6 address has to stand in brackets, as the port comes after a colon too."""
    return f"[{host}]" if ":" in str(host) else str(host)
