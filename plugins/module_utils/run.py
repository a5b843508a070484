# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who changes the host: the identity of one run of a playbook, told by the controller."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Run:
    """One run of one playbook, the same on all its hosts and for all its modules.

    Args:
        id: unique to the run; the lock belongs to it.
        who: the person, as ``name@controller`` or the AWX user.
        what: the playbook, or the module where there is none.
    """

    id: str
    who: str
    what: str

    @classmethod
    def of(cls, given: Mapping[str, Any] | None, module: str) -> Run:
        """The run that the controller told, or one of this process where a module is used by itself."""
        if given:
            return cls(str(given["id"]), str(given["who"]), str(given["what"]))
        who = os.environ.get("SUDO_USER") or getpass.getuser()
        return cls(f"pid-{os.getpid()}", who, module)
