# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the modules have that work on the releases of an API host."""

    DOCUMENTATION = r"""
options:
  root:
    description: The directory that holds releases and links, C(deploy_root).
    type: path
    default: /srv/blyan
"""
    HEALTH = r"""
options:
  health_path:
    description: Path of the app that tells its health.
    type: str
    default: /health
  health_statuses:
    description: Values of C(status) in the answer that count as good; an empty list where HTTP 200 is enough.
    type: list
    elements: str
    default: [healthy, ok]
"""
    RELEASE = r"""
options:
  release:
    description: The release, as M(blyan.ops.release) and M(blyan.ops.release_info) return it.
    type: dict
    required: true
    suboptions:
      id:
        description: Name of its directory.
        type: str
        required: true
      commit:
        description: Its commit.
        type: str
        required: true
      version:
        description: What was asked for.
        type: str
        required: true
      venv:
        description: Name of its virtual environment.
        type: str
        default: ''
      state:
        description: How it fared.
        type: str
        default: building
      created:
        description: When it was made.
        type: str
        default: ''
      created_by:
        description: Who made it.
        type: str
        default: ''
      live_since:
        description: When it last began to serve.
        type: str
        default: ''
      live_by:
        description: Who put it into service last.
        type: str
        default: ''
      replaced:
        description: The release that served before it.
        type: str
        default: ''
      error:
        description: Why it is bad.
        type: str
        default: ''
      pruned:
        description: Whether its files are gone.
        type: bool
        default: false
      schema_before:
        description: The schema of the database before its migrations.
        type: str
        default: ''
      schema_after:
        description: The schema of the database after its migrations.
        type: str
        default: ''
      schema_compatible:
        description: Older schemas whose code works with the one of this release.
        type: str
        default: ''
"""
    VENV = r"""
options:
  requirements:
    description: Path of the requirements file in the repository.
    type: str
    default: requirements.txt
  python:
    description: The interpreter on the host that virtual environments are made with.
    type: path
    default: /usr/bin/python3
  pip_extra_args:
    description: Arguments added to C(pip install), as one would type them.
    type: str
    default: ''
"""
    VARIABLES = r"""
options:
  environment:
    description: Variables of the app that may be shown.
    type: dict
  secrets:
    description:
      - A JSON object with variables of the app that may not be shown. They win over O(environment).
      - It is text, so that Ansible hides it whole and not every place where one of its values stands.
    type: str
"""
    KEY = r"""
options:
  key_given:
    description: Whether the host has a master key, or would have one by now if this were not check mode.
    type: bool
    default: false
"""
    FILES = r"""
options:
  files:
    description: Files that the slots need on the host, such as their units.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Where the file is.
        type: path
        required: true
      content:
        description: What it holds.
        type: str
        required: true
      mode:
        description: Its permission bits, in octal.
        type: str
        default: '0644'
"""
