# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durations as operators write them: ``30s``, ``5m``, ``1h``."""

from __future__ import annotations

import re

from .errors import OpsError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_FORM = re.compile(r"^(\d+(?:\.\d+)?)([smhd]?)$")


def seconds(text: str, name: str) -> float:
    """Seconds in a duration.

    Args:
        text: a number with the unit ``s``, ``m``, ``h`` or ``d``; a bare number is seconds.
        name: the variable it came from, for the error.

    Raises:
        OpsError: the text is no duration.
    """
    match = _FORM.match(text.strip())
    if match is None:
        raise OpsError(
            f"{name} is {text!r}, which is not a duration",
            next_step=f"write {name} as a number and a unit, such as 30s, 5m or 1h",
        )
    return float(match.group(1)) * _UNITS[match.group(2) or "s"]


def human(value: float) -> str:
    """A length of time as a person says it: ``40s``, ``12m``, ``3h 5m``, ``2d 4h``."""
    left = max(0, int(value))
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"
