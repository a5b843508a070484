# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that several modules share, with what they mean; the doc fragment ``blyan.ops.layout`` documents them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable

from . import envfile, venvs
from .errors import OpsError
from .layout import Layout
from .releases import Release
from .slots import HostFile

ROOT: dict[str, Any] = {"root": {"type": "path", "default": "/srv/blyan"}}

HEALTH: dict[str, Any] = {
    "health_path": {"type": "str", "default": "/health"},
    "health_statuses": {"type": "list", "elements": "str", "default": ["healthy", "ok"]},
}

RELEASE: dict[str, Any] = {
    "release": {
        "type": "dict",
        "required": True,
        "options": {
            **{name: {"type": "str", "required": True} for name in ("id", "commit", "version")},
            "state": {"type": "str", "default": "building"},
            **{
                name: {"type": "str", "default": ""}
                for name in ("venv", "created", "created_by", "live_since", "live_by", "replaced", "error")
            },
            "pruned": {"type": "bool", "default": False},
            **{name: {"type": "str", "default": ""} for name in ("schema_before", "schema_after", "schema_compatible")},
        },
    },
}

VENV: dict[str, Any] = {
    "requirements": {"type": "str", "default": "requirements.txt"},
    "python": {"type": "path", "default": "/usr/bin/python3"},
    "pip_extra_args": {"type": "str", "default": ""},
}

VARIABLES: dict[str, Any] = {
    "environment": {"type": "dict"},
    "secrets": {"type": "str", "no_log": True},
}

KEY: dict[str, Any] = {"key_given": {"type": "bool", "default": False, "no_log": False}}

FILES: dict[str, Any] = {
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "path", "required": True},
            "content": {"type": "str", "required": True},
            "mode": {"type": "str", "default": "0644"},
        },
    },
}


def layout(params: Mapping[str, Any], *, there: bool = True) -> Layout:
    """The layout under ``root``.

    Args:
        there: whether the directory has to be there; on a host that is taken over, check mode finds none.

    Raises:
        OpsError: there is no such directory.
    """
    root = Path(params["root"])
    if there and not root.is_dir():
        raise OpsError(f"{root} is not on this host", next_step="run the playbook provision, or correct deploy_root")
    return Layout(root)


def release(params: Mapping[str, Any]) -> Release:
    """The release that was given."""
    return Release(**params["release"])


def venv(params: Mapping[str, Any], read: Callable[[str], str | None]) -> str:
    """The name of the virtual environment that a version needs.

    Args:
        read: the text of a file of the version, or None where there is none.

    Raises:
        OpsError: it lacks a file of requirements, or the host the interpreter.
    """
    requirements = venvs.gather(params["requirements"], read)
    return venvs.key(requirements, venvs.interpreter(params["python"]), params["pip_extra_args"])


def files(params: Mapping[str, Any]) -> list[HostFile]:
    """The files that were given.

    Raises:
        OpsError: a mode is not octal.
    """
    found = []
    for each in params["files"]:
        try:
            mode = int(each["mode"], 8)
        except ValueError as error:
            raise OpsError(f"the mode of {each['path']} is {each['mode']!r}", next_step="write it as 0644") from error
        found.append(HostFile(each["path"], each["content"], mode))
    return found


def environment(params: Mapping[str, Any]) -> str | None:
    """The text of the environment file, or None where neither variables nor secrets were given.

    Raises:
        OpsError: the secrets are not a JSON object, or a name is no variable's name; no value is repeated.
    """
    if params["environment"] is None and params["secrets"] is None:
        return None
    try:
        secrets = json.loads(params["secrets"] or "{}")
    except ValueError:
        secrets = None
    if not isinstance(secrets, dict):
        raise OpsError(
            "the secrets are not a JSON object", next_step="set deploy_secrets to a mapping of names to values"
        )
    return envfile.render({**(params["environment"] or {}), **secrets})
