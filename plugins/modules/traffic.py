#!/usr/bin/python
# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: traffic
short_description: Move the traffic of an API host to the slot that runs a release
version_added: 0.1.0
description:
  - Points C(live.sock), which nginx proxies to, at the socket of the slot by one rename; nginx is not reloaded, and no
    request fails.
  - Asks through the front door until the release answers from that slot. When it does not, the link goes back.
  - Then the slot is the one started at boot, and the other one ends by itself when its last requests and streams do.
author: Blyan operators (@blyan)
extends_documentation_fragment:
  - blyan.ops.run
  - blyan.ops.layout
  - blyan.ops.layout.health
  - blyan.ops.layout.release
attributes:
  check_mode:
    support: full
    description: Moves nothing.
  diff_mode:
    support: full
    description: Names slot and release before and after.
options:
  slot:
    description: The slot that is to serve.
    type: str
    choices: [blue, green]
    required: true
  front_url:
    description: The app as nginx shows it, seen from the host.
    type: str
    default: http://127.0.0.1/api
  validate_certs:
    description: Whether the certificate of O(front_url) has to be valid.
    type: bool
    default: true
  keep_warm:
    description:
      - How long the slot that served before goes on running without serving, such as V(5m), so that going back to it
        is one rename. With V(0s) it ends when its requests and streams have.
    type: str
    default: 0s
  timeout:
    description: How long the front door may need to show the release, such as V(10s).
    type: str
    default: 10s
"""

EXAMPLES = r"""
- name: Switch to the release that was started
  blyan.ops.traffic:
    release: "{{ built.release }}"
    slot: "{{ started.slot }}"
"""

RETURN = r"""
live:
  description: The record of the release that serves now, with its C(slot).
  returned: success
  type: dict
before:
  description: The record of the release that served before, with its C(slot); null where none did.
  returned: success
  type: dict
previous:
  description: The id of the release that served before; empty where none did.
  returned: success
  type: str
seconds:
  description: Seconds that each step took.
  returned: always
  type: dict
"""

from dataclasses import asdict
from typing import Any

from ansible_collections.blyan.ops.plugins.module_utils import options, traffic
from ansible_collections.blyan.ops.plugins.module_utils.releases import Records, serving
from ansible_collections.blyan.ops.plugins.module_utils.runner import Context, run_module
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd

ARGUMENTS: dict[str, Any] = {
    **options.ROOT,
    **options.HEALTH,
    **options.RELEASE,
    "slot": {"type": "str", "choices": ["blue", "green"], "required": True},
    "front_url": {"type": "str", "default": "http://127.0.0.1/api"},
    "validate_certs": {"type": "bool", "default": True},
    "keep_warm": {"type": "str", "default": "0s"},
    "timeout": {"type": "str", "default": "10s"},
}


def act(context: Context) -> dict[str, Any]:
    """Have the slot serve."""
    p = context.params
    layout = options.layout(p)
    release = options.release(p)
    context.settle()
    known = {name: getattr(release, name) for name in ("schema_before", "schema_after") if getattr(release, name)}
    wanted = traffic.Wanted(p["slot"], release.id, release.label, context.run.who, known)
    if not context.check:
        traffic.require_release(layout, wanted)
    before = serving(layout)
    operation, changes = traffic.switch(
        layout,
        wanted,
        traffic.FrontDoor(p["front_url"], p["health_path"], p["health_statuses"], p["validate_certs"]),
        systemd=Systemd(),
        timeout=context.duration("timeout"),
        keep_warm=context.duration("keep_warm"),
    )
    context.apply(operation, changes)
    now = Records(layout).get(release.id) or release
    return {"live": {**asdict(now), "slot": p["slot"]}, "before": before, "previous": operation.previous}


def main() -> None:
    """Run the module."""
    run_module(ARGUMENTS, act)


if __name__ == "__main__":
    main()
