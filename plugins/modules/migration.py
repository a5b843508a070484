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
  - Where the variable C(DATABASE_URL) names a PostgreSQL database, that unit holds an advisory lock in it, so that no
    two migrations run there at a time.
  - The record of the release gets the schema of the database before and after.
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
  schema_command:
    description:
      - A command that prints two words in its last line, run like O(command). They are the schema that the database
        has, and the one that the release needs. It may leave the second out.
      - Empty where there is none; then schemas are not known.
    type: str
    default: ''
  allow_migrations:
    description:
      - Whether there may be migrations. Where not, a release that needs another schema than the database has is refused
        before the database is touched, and so is one of which O(schema_command) does not tell.
      - Check mode cannot tell, as the release is not there to be asked.
    type: bool
    default: true
  user:
    description: The account that runs it.
    type: str
    default: blyan
  timeout:
    description: How long it may take, such as V(10m), and before that another migration of the same database.
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
schema:
  description: What is known for the record of the release; empty where O(schema_command) is, and in check mode.
  returned: success
  type: dict
  contains:
    schema_before: {description: The schema before., type: str, sample: '12'}
    schema_after: {description: The schema after., type: str, sample: '13'}
notes:
  description: What people should know besides.
  returned: always
  type: list
  elements: str
seconds:
  description: Seconds that each step took.
  returned: always
  type: dict
"""

from typing import Any

from ansible_collections.blyan.ops.plugins.module_utils import agent, migration, options, pack, slots, start
from ansible_collections.blyan.ops.plugins.module_utils import layout as site
from ansible_collections.blyan.ops.plugins.module_utils.runner import Context, run_module
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd

ARGUMENTS: dict[str, Any] = {
    **options.ROOT,
    **options.RELEASE,
    **options.VARIABLES,
    **options.KEY,
    "command": {"type": "str", "default": ""},
    "schema_command": {"type": "str", "default": ""},
    "allow_migrations": {"type": "bool", "default": True},
    "user": {"type": "str", "default": "blyan"},
    "timeout": {"type": "str", "default": "10m"},
}


def act(context: Context) -> dict[str, Any]:
    """Run the command."""
    p = context.params
    release = options.release(p)
    command = migration.split_command(p["command"], "deploy_migrate_command")
    schema_command = migration.split_command(p["schema_command"], "deploy_schema_command")
    timeout = context.duration("timeout")
    layout = options.layout(p, there=not context.check)
    if not command:
        return {"schema": {}}
    context.settle()
    slot = site.other(layout.live_slot())
    # The agent is what holds the lock.
    wanted = slots.Wanted(
        slot,
        release.id,
        release.label,
        options.environment(p),
        agent=pack.archive(agent),
        started=False,
        key_given=p["key_given"],
    )
    context.apply(*start.make_ready(layout, wanted, Systemd()))
    operation = migration.Migrate(
        layout,
        release.id,
        slot,
        command,
        schema_command,
        p["allow_migrations"],
        p["user"],
        timeout,
        progress=context.progress,
    )
    context.apply(operation, migration.plan(command, release.label))
    context.notes += [operation.report.note] if operation.report.note else []
    migration.judge(operation.report, operation.said, release)
    return {"schema": operation.schema}


def main() -> None:
    """Run the module."""
    run_module(ARGUMENTS, act)


if __name__ == "__main__":
    main()
