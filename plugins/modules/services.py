#!/usr/bin/python
# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: services
short_description: Have services run with the configuration that lies on the disk
version_added: 0.1.0
description:
  - Starts, reloads or restarts those services that do not run with it yet, and no other, in the order given.
  - That is told from when a service was started or reloaded, and when its files came to their places. So what a run
    left that was killed after it wrote a file is finished by the next one.
  - Has systemd read its units again first, where one of them changed.
author: Blyan operators (@blyan)
extends_documentation_fragment:
  - blyan.ops.run
attributes:
  check_mode:
    support: full
    description: Does nothing to any service. What the files do not show yet is told by O(services[].restart) and
      O(services[].reload).
  diff_mode:
    support: full
    description: Names what is done to each service.
options:
  services:
    description: What is wanted.
    type: list
    elements: dict
    required: true
    suboptions:
      unit:
        description: The unit, with its ending.
        type: str
        required: true
      enable:
        description: Whether it is to be started at boot as well; V(false) leaves that as it is.
        type: bool
        default: false
      restart:
        description: Whether a file that it reads at its start changes in this run, which a task before knows.
        type: bool
        default: false
      reload:
        description: The same of a file that it reads again when it is reloaded.
        type: bool
        default: false
      restart_for:
        description: The files that it reads at its start alone. A directory counts when a file came to it or went.
        type: list
        elements: path
        default: []
      reload_for:
        description: The files that it reads again when it is reloaded.
        type: list
        elements: path
        default: []
      makes:
        description: Pattern of the paths that a unit makes which ends by itself. While there is one, it is not started.
        type: str
        default: ''
      only_with:
        description: A file without which a restart would lose data. It is waited for, up to 10 minutes.
        type: path
        default: ''
"""

EXAMPLES = r"""
- name: Have nginx run with its configuration
  blyan.ops.services:
    services:
      - unit: nginx.service
        reload: "{{ configured is changed }}"
        reload_for: [/etc/nginx/nginx.conf]
"""

RETURN = r"""
actions:
  description: What was done, or would be, such as C(reload nginx.service).
  returned: success
  type: list
  elements: str
"""

from typing import Any

from ansible_collections.blyan.ops.plugins.module_utils import services
from ansible_collections.blyan.ops.plugins.module_utils.runner import Context, run_module
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd

_FILES: dict[str, Any] = {"type": "list", "elements": "path", "default": []}
ARGUMENTS: dict[str, Any] = {
    "services": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "unit": {"type": "str", "required": True},
            "enable": {"type": "bool", "default": False},
            "restart": {"type": "bool", "default": False},
            "reload": {"type": "bool", "default": False},
            "restart_for": _FILES,
            "reload_for": _FILES,
            "makes": {"type": "str", "default": ""},
            "only_with": {"type": "path", "default": ""},
        },
    },
}


def act(context: Context) -> dict[str, Any]:
    """Have each service run with what is on the disk."""
    systemd = Systemd()
    for each in context.params["services"]:
        wanted = services.Wanted(**each)
        found = services.find(wanted, systemd)
        changes = services.plan(wanted, found)
        context.changes += changes
        if not context.check:
            services.carry_out(wanted, found, changes, systemd, context.progress)
    return {"actions": [f"{change.step} {change.target}" for change in context.changes]}


def main() -> None:
    """Run the module."""
    run_module(ARGUMENTS, act)


if __name__ == "__main__":
    main()
