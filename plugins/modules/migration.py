#!/usr/bin/python
# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration
short_description: Run the app's database migrations for a release
version_added: 0.1.0
description:
  - Runs a command of the app in the directory of a release, as the app's user, with the environment of the slot that
    M(blyan.ops.slot) prepared for it.
  - It runs as a unit of its own, so that a lost connection does not cut it in half.
author: Blyan operators (@blyan)
extends_documentation_fragment: [blyan.ops.run, blyan.ops.layout, blyan.ops.layout.release]
attributes:
  check_mode:
    support: full
    description: Runs nothing.
  diff_mode:
    support: full
    description: Names the command.
options:
  slot:
    description: The slot that was prepared.
    type: str
    choices: [blue, green]
    required: true
  command:
    description: The command, as one would type it in the directory of the release; empty for none.
    type: str
    default: ''
  user:
    description: The account that runs it.
    type: str
    default: blyan
  timeout:
    description: How long it may take, such as V(10m).
    type: str
    default: 10m
"""

EXAMPLES = r"""
- name: Migrate the database for a release
  blyan.ops.migration:
    release: "{{ built.release }}"
    slot: "{{ prepared.slot }}"
    command: python scripts/migrate_db.py
"""

RETURN = r"""
seconds:
  description: Seconds that each step took.
  returned: always
  type: dict
"""

from typing import Any

from ansible_collections.blyan.ops.plugins.module_utils import migration, options
from ansible_collections.blyan.ops.plugins.module_utils.runner import Context, run_module

ARGUMENTS: dict[str, Any] = {
    **options.ROOT,
    **options.RELEASE,
    "slot": {"type": "str", "choices": ["blue", "green"], "required": True},
    "command": {"type": "str", "default": ""},
    "user": {"type": "str", "default": "blyan"},
    "timeout": {"type": "str", "default": "10m"},
}


def act(context: Context) -> dict[str, Any]:
    """Run the command."""
    p = context.params
    release = options.release(p)
    command = migration.split_command(p["command"])
    operation = migration.Migrate(
        options.layout(p), release.id, p["slot"], command, p["user"], context.duration("timeout")
    )
    context.apply(operation, migration.plan(command, release.label))
    return {}


def main() -> None:
    """Run the module."""
    run_module(ARGUMENTS, act)


if __name__ == "__main__":
    main()
