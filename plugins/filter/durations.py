# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.blyan.ops.plugins.module_utils import durations
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError


def seconds(value: object) -> float:
    """Seconds in a duration.

    Raises:
        AnsibleFilterError: it is none.
    """
    try:
        return durations.seconds(str(value), "the duration")
    except OpsError as error:
        raise AnsibleFilterError(error.message()) from error


def duration_problems(values: Mapping[str, object]) -> list[str]:
    """What is wrong with these durations, a sentence each; nothing where all are well."""
    problems = []
    for name, value in values.items():
        try:
            durations.seconds(str(value), name)
        except OpsError as error:
            problems.append(error.message())
    return problems


class FilterModule:
    """The filters in this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"seconds": seconds, "duration_problems": duration_problems}
