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
  - Makes the idle slot ready for a release, that is its environment and its link, and runs a command of the app in the
    directory of the release, as the app's user, with that environment.
  - It runs as a unit of its own, so that a lost connection does not cut it in half.
author: Blyan operators (@blyan)
extends_documentation_fragment:
  - blyan.ops.run
  - blyan.ops.layout
  - blyan.ops.layout.release
  - blyan.ops.layout.variables
  - blyan.ops.layout.key
attributes:
  check_mode:
    support: full
    description: Runs nothing.
  diff_mode:
    support: full
    description: Names the command.
options:
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
    command: python scripts/migrate_db.py
"""

RETURN = r"""
seconds:
  description: Seconds that each step took.
  returned: always
  type: dict
"""

from typing import Any

from ansible_collections.blyan.ops.plugins.module_utils import layout as site
from ansible_collections.blyan.ops.plugins.module_utils import migration, options, slots, start
from ansible_collections.blyan.ops.plugins.module_utils.runner import Context, run_module
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd

ARGUMENTS: dict[str, Any] = {
    **options.ROOT,
    **options.RELEASE,
    **options.VARIABLES,
    **options.KEY,
    "command": {"type": "str", "default": ""},
    "user": {"type": "str", "default": "blyan"},
    "timeout": {"type": "str", "default": "10m"},
}


def act(context: Context) -> dict[str, Any]:
    """Run the command."""
    p = context.params
    release = options.release(p)
    command, timeout = migration.split_command(p["command"]), context.duration("timeout")
    layout = options.layout(p, there=not context.check)
    if not command:
        return {}
    context.settle()
    slot = site.other(layout.live_slot())
    wanted = slots.Wanted(
        slot, release.id, release.label, options.environment(p), started=False, key_given=p["key_given"]
    )
    context.apply(*start.make_ready(layout, wanted, Systemd()))
    operation = migration.Migrate(layout, release.id, slot, command, p["user"], timeout)
    context.apply(operation, migration.plan(command, release.label))
    return {}


def main() -> None:
    """Run the module."""
    run_module(ARGUMENTS, act)


if __name__ == "__main__":
    main()
