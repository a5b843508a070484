#!/usr/bin/python
# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Whether a host can be provisioned, and what it lacks
version_added: 0.1.0
description:
  - Reads a host, and changes nothing.
  - Refuses one that is no Debian with systemd, on which another run holds the lock, or on which something is in the
    way. The error names all of it, each with what to do.
author: Blyan operators (@blyan)
extends_documentation_fragment:
  - blyan.ops.run
attributes:
  check_mode:
    support: full
    description: It only reads.
  diff_mode:
    support: none
    description: It changes nothing.
options:
  packages:
    description: Names of packages. In them C({postgresql}) stands for the version that the host's Debian packages.
    type: list
    elements: str
    default: []
  ports:
    description: The program that is to listen on each TCP port, by its name in C(/proc/PID/comm).
    type: dict
    default: {}
  addresses:
    description: Addresses that have to be the host's own, by the variables that set them.
    type: dict
    default: {}
  files:
    description: Files that have to be on the host, by the variables that name them.
    type: dict
    default: {}
  paths:
    description: Directories that need free space. They need not be there yet.
    type: list
    elements: path
    default: []
  min_free_mb:
    description: That space, in MiB.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Look at the host
  blyan.ops.host_info:
    packages: [nginx, "postgresql-{postgresql}"]
    ports:
      80: nginx
      5432: postgres
    paths: [/var/lib]
    min_free_mb: 1024
  register: host
"""

RETURN = r"""
missing:
  description: The packages that are not installed, or not wholly.
  returned: success
  type: list
  elements: str
postgresql:
  description: The version of PostgreSQL that the host's Debian packages.
  returned: success
  type: str
  sample: "15"
ipv6:
  description: Whether the host has IPv6.
  returned: success
  type: bool
"""

from dataclasses import asdict
from typing import Any

from ansible_collections.blyan.ops.plugins.module_utils import host
from ansible_collections.blyan.ops.plugins.module_utils.runner import Context, run_module
from ansible_collections.blyan.ops.plugins.module_utils.shell import Shell

ARGUMENTS: dict[str, Any] = {
    "packages": {"type": "list", "elements": "str", "default": []},
    "ports": {"type": "dict", "default": {}},
    "addresses": {"type": "dict", "default": {}},
    "files": {"type": "dict", "default": {}},
    "paths": {"type": "list", "elements": "path", "default": []},
    "min_free_mb": {"type": "int", "default": 0},
}


def act(context: Context) -> dict[str, Any]:
    """Read the host, or refuse it."""
    p = context.params
    context.refuse_locked()
    wanted = host.Wanted(
        p["packages"],
        {int(port): program for port, program in p["ports"].items()},
        p["addresses"],
        p["files"],
        p["paths"],
        p["min_free_mb"],
    )
    return asdict(host.find(wanted, Shell()))


def main() -> None:
    """Run the module."""
    run_module(ARGUMENTS, act, reads_only=True)


if __name__ == "__main__":
    main()
