#!/usr/bin/python
# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: What is live on an API host, what was, and what could be
version_added: 0.1.0
description:
  - Reads releases, slots and lock of an API host, and changes nothing.
  - With O(purpose), it also says whether a deploy, rollback or restart may go on, and with which release.
author: Blyan operators (@blyan)
extends_documentation_fragment:
  - blyan.ops.run
  - blyan.ops.layout
  - blyan.ops.layout.health
  - blyan.ops.layout.venv
  - blyan.ops.layout.variables
  - blyan.ops.layout.files
attributes:
  check_mode:
    support: full
    description: It only reads.
  diff_mode:
    support: none
    description: It only reads.
options:
  purpose:
    description:
      - V(list) only reads. The others also refuse what could not go well, before anything changes.
    type: str
    choices: [list, deploy, rollback, restart]
    default: list
  repo:
    description: The app's Git repository, for O(purpose=deploy).
    type: str
    default: ''
  version:
    description: The branch, tag or commit that is wanted, for O(purpose=deploy).
    type: str
    default: main
  rollback_to:
    description: A release id, commit or version to go back to; empty for the release that served before.
    type: str
    default: ''
  across_migrations:
    description: Whether to go back even to a release that is made for an older schema than the database has.
    type: bool
    default: false
  carry_nodes:
    description:
      - Whether the GPU nodes that the live slot knows have to be readable, as M(blyan.ops.slot) carries them over.
    type: bool
    default: true
  user:
    description: The account that runs the app.
    type: str
    default: blyan
  front_url:
    description: The app as nginx shows it, seen from the host.
    type: str
    default: http://127.0.0.1/api
  validate_certs:
    description: Whether the certificate of O(front_url) has to be valid.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: See what is live
  blyan.ops.release_info:
  register: found
"""

RETURN = r"""
live:
  description: The record of the release that serves, with its C(slot); null where none does.
  returned: always
  type: dict
slots:
  description: For each slot its release, the state of its unit and what its health says.
  returned: always
  type: dict
releases:
  description: The records of all releases, oldest first.
  returned: always
  type: list
  elements: dict
leftovers:
  description: Operations that a killed run left unfinished; the next change of the host deals with them.
  returned: always
  type: list
  elements: str
by_hand:
  description: Whether what serves was deployed by hand, so that M(blyan.ops.adoption) has to take the host over.
  returned: always
  type: bool
holder:
  description: Who holds the lock of the host; null where nobody does.
  returned: always
  type: dict
commit:
  description: The commit that O(version) names.
  returned: O(purpose=deploy)
  type: str
target:
  description: The release that would be started; null for a deploy, which may have to make it.
  returned: always
  type: dict
needed:
  description: Whether there is anything to do.
  returned: always
  type: bool
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible_collections.blyan.ops.plugins.module_utils import agent, options, pack, preflight, takeover
from ansible_collections.blyan.ops.plugins.module_utils.git import repository
from ansible_collections.blyan.ops.plugins.module_utils.layout import Layout
from ansible_collections.blyan.ops.plugins.module_utils.runner import Context, run_module
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd

ARGUMENTS: dict[str, Any] = {
    **options.ROOT,
    **options.HEALTH,
    **options.VENV,
    **options.VARIABLES,
    **options.FILES,
    "purpose": {"type": "str", "choices": ["list", "deploy", "rollback", "restart"], "default": "list"},
    "repo": {"type": "str", "default": ""},
    "version": {"type": "str", "default": "main"},
    "rollback_to": {"type": "str", "default": ""},
    "across_migrations": {"type": "bool", "default": False},
    "carry_nodes": {"type": "bool", "default": True},
    "user": {"type": "str", "default": "blyan"},
    "front_url": {"type": "str", "default": "http://127.0.0.1/api"},
    "validate_certs": {"type": "bool", "default": True},
}


def act(context: Context) -> dict[str, Any]:
    """Read the host and judge it."""
    p = context.params
    purpose = p["purpose"]
    if purpose != "list":
        context.refuse_locked()
    layout = Layout(Path(p["root"]))
    by_hand = takeover.is_by_hand(layout, context.engine.leftovers())
    if by_hand and purpose != "deploy" and (purpose != "list" or not layout.root.exists()):
        raise takeover.no_releases()
    layout = options.layout(p, there=not by_hand)
    found = preflight.find(layout, Systemd(), context.engine.leftovers(), p["health_path"], p["health_statuses"])
    holder = context.lock.holder()
    result = {
        **preflight.report(found),
        "by_hand": by_hand,
        "holder": asdict(holder) if holder else None,
        "target": None,
        "needed": True,
    }
    if purpose == "list":
        return result
    if by_hand:
        takeover.require_host(p["front_url"] + p["health_path"], p["validate_certs"], p["python"])
    else:
        preflight.require_host(p["user"], p["front_url"] + p["health_path"], p["validate_certs"])
    target = preflight.target(found, purpose, p["rollback_to"])
    if target is not None:
        preflight.require_schema(found, target, p["across_migrations"] or purpose == "restart")
        preflight.require_nodes(found, p["carry_nodes"], Systemd())
        live = found.release
        # What a killed run left is dealt with by one that changes something.
        there = purpose == "rollback" and live is not None and target.id == live.id and not found.leftovers
        return {**result, "target": asdict(target), "needed": not there}
    files = options.files(p)
    with repository(p["repo"], layout.mirror) as source:
        commit = source.resolve(p["version"])
        done = preflight.nothing_to_deploy(
            found,
            commit,
            lambda: options.venv(p, lambda path: source.show(commit, path)),
            options.environment(p),
            files,
            # As with the slot: the agent belongs to the units.
            pack.archive(agent) if files else b"",
        )
    if not done:
        preflight.require_nodes(found, p["carry_nodes"], Systemd())
    return {**result, "commit": commit, "needed": not done}


def main() -> None:
    """Run the module."""
    run_module(ARGUMENTS, act, reads_only=True)


if __name__ == "__main__":
    main()
