#!/usr/bin/python
# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: site_proof_info
short_description: Prove from outside that what was provisioned on a host works
version_added: 0.1.0
description:
  - Signs in to PostgreSQL and Redis as the app does, asks nginx as a client does, and looks at units. It changes
    nothing.
  - Fails when something does not work. The error names all of it, each with what to do, and no password.
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
requirements:
  - python3-psycopg2 and python3-redis on the host, with O(app)
options:
  app:
    description:
      - Whether to sign in where C(/etc/blyan/site.env) says that the app finds PostgreSQL and Redis.
      - In PostgreSQL its role may create tables and nothing that an administrator may; Redis keeps an append-only file.
    type: bool
    default: false
  urls:
    description: URLs that nginx answers, with whatever status.
    type: list
    elements: str
    default: []
  units:
    description: Units that are active, and are started at boot.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Prove that it works
  blyan.ops.site_proof_info:
    app: true
    urls: [http://127.0.0.1/api/health]
    units: [blyan-backup-redis.timer]
"""

RETURN = r"""
"""

from typing import Any

from ansible_collections.blyan.ops.plugins.module_utils import proof
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.runner import Context, run_module
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd

ARGUMENTS: dict[str, Any] = {
    "app": {"type": "bool", "default": False},
    "urls": {"type": "list", "elements": "str", "default": []},
    "units": {"type": "list", "elements": "str", "default": []},
}


def act(context: Context) -> dict[str, Any]:
    """Look at everything, and tell what does not work."""
    p = context.params
    problems = [problem for url in p["urls"] for problem in proof.of_nginx(url)]
    problems += proof.of_app() if p["app"] else []
    problems += [problem for unit in p["units"] for problem in proof.of_unit(unit, Systemd())]
    if problems:
        raise OpsError.of(problems, "what was provisioned does not work")
    return {}


def main() -> None:
    """Run the module."""
    run_module(ARGUMENTS, act, reads_only=True)


if __name__ == "__main__":
    main()
