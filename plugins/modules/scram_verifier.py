#!/usr/bin/python
# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: scram_verifier
short_description: What PostgreSQL is to store of the password in a file
version_added: 0.1.0
description:
  - Gives the SCRAM-SHA-256 verifier of a password that lies on the host, and changes nothing.
  - The server is given this instead of the password, which thus stands in no statement that it may log. What it stores
    already is given again where it fits the password, so that a second run changes nothing.
  - Asks the server on this host as the user C(postgres).
author: Blyan operators (@blyan)
extends_documentation_fragment:
  - blyan.ops.run
attributes:
  check_mode:
    support: full
    description: It only reads. A file that is not there yet counts as a password that the server does not store.
  diff_mode:
    support: none
    description: It changes nothing.
options:
  password_file:
    description: The file that holds the password and nothing else.
    type: path
    required: true
  role:
    description: The role of the database that has it, or is to have it.
    type: str
    required: true
  port:
    description: The port of the server.
    type: int
    default: 5432
notes:
  - Passwords can be tried against a verifier, so that C(no_log) belongs on its task.
"""

EXAMPLES = r"""
- name: Ask what PostgreSQL is to store
  blyan.ops.scram_verifier:
    password_file: /etc/blyan/database_password
    role: blyan
  register: stored
  no_log: true
"""

RETURN = r"""
verifier:
  description: What PostgreSQL takes as the password of the role.
  returned: success
  type: str
"""

from pathlib import Path
from typing import Any

from ansible_collections.blyan.ops.plugins.module_utils import scram
from ansible_collections.blyan.ops.plugins.module_utils.runner import Context, run_module

ARGUMENTS: dict[str, Any] = {
    "password_file": {"type": "path", "required": True, "no_log": False},
    "role": {"type": "str", "required": True},
    "port": {"type": "int", "default": 5432},
}


def act(context: Context) -> dict[str, Any]:
    """The verifier that the server stores, or a new one."""
    p = context.params
    file = Path(p["password_file"])
    # In check mode it may not be made yet; no server stores what will be in it.
    password = "" if context.check and not file.exists() else scram.read_password(file)
    return {"verifier": scram.kept_or_new(password, scram.stored_verifier(p["role"], p["port"]))}


def main() -> None:
    """Run the module."""
    run_module(ARGUMENTS, act, reads_only=True)


if __name__ == "__main__":
    main()
