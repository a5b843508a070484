# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes as Ansible shows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .steps import Change


def diff(changes: Sequence[Change]) -> list[dict[str, str]]:
    """The changes as Ansible shows them with ``--diff``."""
    return [
        {
            "before_header": change.target,
            "after_header": change.target,
            "before": _text(change.before),
            "after": _text(change.after),
        }
        for change in changes
    ]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "".join(f"{key}: {value[key]}\n" for key in sorted(value))
    text = str(value)
    return text if text.endswith("\n") else text + "\n"
