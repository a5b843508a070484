#!/usr/bin/python
# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: paths
short_description: Have directories and empty files with their owners and modes, and others not
version_added: 0.1.0
description:
  - Makes what is not there, corrects owner, group and mode of what is, and removes files that are not to be there; all
    in one round trip.
  - A file that is there keeps its contents. A link is followed, unless it leads nowhere.
  - Either all is done or nothing; what is removed is put back when something else fails.
author: Blyan operators (@blyan)
extends_documentation_fragment:
  - blyan.ops.run
attributes:
  check_mode:
    support: full
    description: Writes nothing.
  diff_mode:
    support: full
    description: Shows kind, owner, group and mode.
options:
  entries:
    description: What is wanted, a parent before what is in it.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Where.
        type: path
        required: true
      kind:
        description:
          - What is to be there. With V(absent) a file is removed, and a directory is refused.
        type: str
        choices: [directory, file, absent]
        default: directory
      owner:
        description: Its owner.
        type: str
        default: root
      group:
        description: Its group; empty for the one that has the owner's name.
        type: str
        default: ''
      mode:
        description: Its permission bits, in octal.
        type: str
        default: '0755'
"""

EXAMPLES = r"""
- name: Have a folder and a log file, and not the example site
  blyan.ops.paths:
    entries:
      - path: /etc/blyan
        mode: "0700"
      - path: /var/log/aiblock.log
        kind: file
        owner: blyan
        group: adm
        mode: "0640"
      - path: /etc/nginx/sites-enabled/default
        kind: absent
"""

RETURN = r"""
paths:
  description: The paths that were made, corrected or removed, or would be.
  returned: success
  type: list
  elements: str
seconds:
  description: Seconds that each step took.
  returned: always
  type: dict
"""

from pathlib import Path
from typing import Any

from ansible_collections.blyan.ops.plugins.module_utils import paths
from ansible_collections.blyan.ops.plugins.module_utils.runner import Context, run_module

ARGUMENTS: dict[str, Any] = {
    "entries": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "path": {"type": "path", "required": True},
            "kind": {"type": "str", "choices": ["directory", "file", "absent"], "default": "directory"},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": ""},
            "mode": {"type": "str", "default": "0755"},
        },
    },
}


def act(context: Context) -> dict[str, Any]:
    """Have the paths as wanted."""
    wanted = {entry["path"]: paths.wanted_entry(entry) for entry in context.params["entries"]}
    context.settle()
    changes = paths.plan(wanted, {path: paths.found_entry(Path(path)) for path in wanted})
    context.apply(paths.Paths(), changes)
    return {"paths": [change.target for change in changes if change.target in wanted]}


def main() -> None:
    """Run the module."""
    run_module(ARGUMENTS, act)


if __name__ == "__main__":
    main()
