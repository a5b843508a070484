#!/usr/bin/python
# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: adoption
short_description: Take over an API host that was deployed by hand, or go back to that
version_added: 0.1.0
description:
  - Such a host has a Git checkout, C(aiblock.service) that runs C(python api/server.py) of it on port 8000, and a site
    of nginx that was written by hand and leads to that port. What is not understood is refused before anything changes.
  - Of nginx, only the arguments that lead to the port change. Its configuration is read on the controller, with
    crossplane.
author: Blyan operators (@blyan)
extends_documentation_fragment:
  - blyan.ops.run
  - blyan.ops.layout
  - blyan.ops.layout.health
  - blyan.ops.layout.files
attributes:
  check_mode:
    support: full
    description: Changes nothing.
  diff_mode:
    support: full
    description: Shows files of nginx and units; of variables only the names.
options:
  state:
    description:
      - V(prepared) makes user and folders, and takes over the environment of the running app and its master key.
      - V(present) moves the traffic to O(release) in O(slot), keeps what was there, and retires the old app in the
        background.
      - V(absent) puts back what was kept, and has the old app serve again.
      - V(found) returns what the controller has to read, after what a killed run left was dealt with. The others ask
        for it by themselves.
    type: str
    choices: [found, prepared, present, absent]
    default: present
  release:
    description: The release, as M(blyan.ops.release) returns it. Needed for V(present).
    type: dict
  slot:
    description: The slot in which it runs. Needed for V(present).
    type: str
    choices: [blue, green]
  user:
    description: The account that runs the app.
    type: str
    default: blyan
  python:
    description: The interpreter on the host that virtual environments are made with.
    type: path
    default: /usr/bin/python3
  front_url:
    description: The app as nginx shows it, seen from the host.
    type: str
    default: http://127.0.0.1/api
  validate_certs:
    description: Whether the certificate of O(front_url) has to be valid.
    type: bool
    default: true
  timeout:
    description: How long the front door may need to show the release, such as V(10s).
    type: str
    default: 10s
  health_timeout:
    description: How long the old app may need to be up again, such as V(60s), for V(absent).
    type: str
    default: 60s
  drain_timeout:
    description: How long requests and streams of the old app may go on, such as V(30s).
    type: str
    default: 30s
  nginx:
    description: What the controller found out about nginx; it sets this by itself.
    type: dict
    suboptions:
      texts:
        description: New contents of files by path, in Base64.
        type: dict
        required: true
      hashes:
        description: SHA-256 of what each of these files held when it was read.
        type: dict
        required: true
      folders:
        description: The folders from which nginx serves files.
        type: list
        elements: str
        default: []
      include:
        description: A folder whose files it reads within http; empty where there is none.
        type: str
        default: ''
"""

EXAMPLES = r"""
- name: Move the traffic from what was deployed by hand
  blyan.ops.adoption:
    release: "{{ built.release }}"
    slot: "{{ started.slot }}"
    files: "{{ files }}"
"""

RETURN = r"""
by_hand:
  description: Whether the host is one that was deployed by hand, or was until now.
  returned: success
  type: bool
key_given:
  description: Whether there is a master key, or will be when this is not check mode.
  returned: O(state=prepared)
  type: bool
live:
  description: The record of the release that serves now, with its C(slot).
  returned: O(state=present)
  type: dict
previous:
  description: The id of the release that served before; empty where none did.
  returned: O(state=present)
  type: str
told:
  description: Lines for people.
  returned: O(state=present) or O(state=absent)
  type: list
  elements: str
"""

from typing import Any

from ansible_collections.blyan.ops.plugins.module_utils import options, takeover
from ansible_collections.blyan.ops.plugins.module_utils.runner import Context, run_module

ARGUMENTS: dict[str, Any] = {
    **options.ROOT,
    **options.HEALTH,
    **options.FILES,
    "release": {"type": "dict"},
    "state": {"type": "str", "choices": ["found", "prepared", "present", "absent"], "default": "present"},
    "slot": {"type": "str", "choices": ["blue", "green"]},
    "user": {"type": "str", "default": "blyan"},
    "python": {"type": "path", "default": "/usr/bin/python3"},
    "front_url": {"type": "str", "default": "http://127.0.0.1/api"},
    "validate_certs": {"type": "bool", "default": True},
    "timeout": {"type": "str", "default": "10s"},
    "health_timeout": {"type": "str", "default": "60s"},
    "drain_timeout": {"type": "str", "default": "30s"},
    "nginx": {
        "type": "dict",
        "options": {
            "texts": {"type": "dict", "required": True},
            "hashes": {"type": "dict", "required": True},
            "folders": {"type": "list", "elements": "str", "default": []},
            "include": {"type": "str", "default": ""},
        },
    },
}


def act(context: Context) -> dict[str, Any]:
    """Do what the state asks for."""
    actions = {
        "found": takeover.found,
        "prepared": takeover.prepared,
        "present": takeover.present,
        "absent": takeover.absent,
    }
    return actions[context.params["state"]](context)


def main() -> None:
    """Run the module."""
    run_module(ARGUMENTS, act)


if __name__ == "__main__":
    main()
