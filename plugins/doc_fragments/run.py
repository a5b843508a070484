# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What every module of the collection has that runs on a host."""

    DOCUMENTATION = r"""
options:
  run:
    description:
      - The run of the playbook that the module belongs to. The collection's action plugin sets it; leave it out.
      - The lock of the host belongs to the run, and the journal names it.
    type: dict
    suboptions:
      id:
        description: What tells this run from any other.
        type: str
        required: true
      who:
        description: The person who started it.
        type: str
        required: true
      what:
        description: The playbook.
        type: str
        required: true
"""
