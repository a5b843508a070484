# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What every module of the collection has that runs on a host."""

    DOCUMENTATION = r"""
options:
  keep_lock:
    description:
      - Whether the run keeps the lock of the host when the module ends, for a later module of the same run.
      - V(on_failure) keeps it only for what takes back what failed.
    type: str
    choices: [never, on_failure, always]
    default: never
  continue_lock:
    description:
      - Whether an earlier module of the same run took the lock and kept it. When another run has had it since, that run
        may have changed anything, and the module is refused.
    type: bool
    default: false
  lock_wait:
    description: How long to wait while another run holds the lock of the host, such as V(10m).
    type: str
    default: 0s
  break_lock:
    description:
      - Take the lock away from the run that holds it. That run stops before its next step and touches nothing more;
        what it left half done is finished or taken back first. The journal names who did it.
    type: bool
    default: false
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
