# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.blyan.ops.plugins.module_utils import durations
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError

DOCUMENTATION = r"""
name: seconds
short_description: Seconds in a duration such as 30s, 5m or 1h
version_added: 0.1.0
author: Blyan operators (@blyan)
description:
  - Turns a duration as operators write it into seconds.
positional: _input
options:
  _input:
    description: A number with the unit V(s), V(m), V(h) or V(d); a bare number is seconds.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show how many seconds five minutes are
  ansible.builtin.debug:
    msg: "{{ '5m' | blyan.ops.seconds }}"
"""

RETURN = r"""
_value:
  description: The seconds.
  type: float
"""


def seconds(value: object) -> float:
    """Seconds in a duration.

    Raises:
        AnsibleFilterError: it is none.
    """
    try:
        return durations.seconds(str(value), "the duration")
    except OpsError as error:
        raise AnsibleFilterError(error.message()) from error


class FilterModule:
    """The filters in this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"seconds": seconds}
