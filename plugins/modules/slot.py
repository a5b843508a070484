#!/usr/bin/python
# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: slot
short_description: Bring a release up in the idle slot of an API host
version_added: 0.1.0
description:
  - Makes the slot that no request reaches run a release, and waits until the app says that it is healthy.
  - When it is not, the slot is stopped, its files are as before, and the error carries the app's last log lines.
author: Blyan operators (@blyan)
extends_documentation_fragment:
  - blyan.ops.run
  - blyan.ops.layout
  - blyan.ops.layout.health
  - blyan.ops.layout.release
  - blyan.ops.layout.variables
  - blyan.ops.layout.key
  - blyan.ops.layout.files
attributes:
  check_mode:
    support: full
    description: Writes nothing and starts nothing.
  diff_mode:
    support: full
    description: Shows files whole, and of the environment only names.
options:
  keep_environment:
    description: Whether the slot keeps its own environment, to go back to what ran there before.
    type: bool
    default: false
  prepared:
    description: Whether M(blyan.ops.migration) made the slot ready in the same run, so that only starting is left.
    type: bool
    default: false
  health_timeout:
    description: How long the app may need until it is healthy, such as V(60s).
    type: str
    default: 60s
  carry_nodes:
    description:
      - Whether the GPU nodes that the live slot knows are registered with this one, as the last thing.
      - Where the app keeps none, or the live slot does not run or is not healthy, there is nothing to carry over.
    type: bool
    default: true
  drain_timeout:
    description: How long what still runs in the slot may need to end, such as V(30s).
    type: str
    default: 30s
notes:
  - Where neither O(environment) nor O(secrets) is given, the slot takes over the environment of the live one.
"""

EXAMPLES = r"""
- name: Start a release beside the one that serves
  blyan.ops.slot:
    release: "{{ built.release }}"
"""

RETURN = r"""
slot:
  description: The slot, V(blue) or V(green).
  returned: success
  type: str
seconds:
  description: Seconds that each step took.
  returned: always
  type: dict
"""

from typing import Any

from ansible_collections.blyan.ops.plugins.module_utils import agent, atomic, options, pack, slots, start
from ansible_collections.blyan.ops.plugins.module_utils import layout as site
from ansible_collections.blyan.ops.plugins.module_utils.runner import Context, run_module
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd

ARGUMENTS: dict[str, Any] = {
    **options.ROOT,
    **options.HEALTH,
    **options.RELEASE,
    **options.VARIABLES,
    **options.KEY,
    **options.FILES,
    "keep_environment": {"type": "bool", "default": False},
    "prepared": {"type": "bool", "default": False},
    "health_timeout": {"type": "str", "default": "60s"},
    "drain_timeout": {"type": "str", "default": "30s"},
    "carry_nodes": {"type": "bool", "default": True},
}


def act(context: Context) -> dict[str, Any]:
    """Have the idle slot as wanted."""
    p = context.params
    layout = options.layout(p, there=not context.check)
    health_timeout, drain_timeout = context.duration("health_timeout"), context.duration("drain_timeout")
    context.settle()
    slot = site.other(layout.live_slot())
    release, files = options.release(p), options.files(p)
    wanted = slots.Wanted(
        slot,
        release.id,
        release.label,
        atomic.read_text(site.environment_file(slot)) if p["keep_environment"] else options.environment(p),
        files,
        # The agent belongs to the units; where they are left alone, so is it.
        pack.archive(agent) if files else b"",
        prepared=p["prepared"],
        key_given=p["key_given"],
    )
    operation, changes = start.start(
        layout,
        wanted,
        systemd=Systemd(),
        health_path=p["health_path"],
        health_statuses=p["health_statuses"],
        health_timeout=health_timeout,
        drain_timeout=drain_timeout,
        carry_nodes=p["carry_nodes"],
        progress=context.progress,
    )
    context.apply(operation, changes)
    return {"slot": slot}


def main() -> None:
    """Run the module."""
    run_module(ARGUMENTS, act)


if __name__ == "__main__":
    main()
