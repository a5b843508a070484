# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking back a deploy that did not come to its end: the idle slot stopped, the half-made release gone."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import layout as site
from .layout import Layout
from .releases import Records
from .steps import Change, Operation
from .systemd import Systemd


def plan(layout: Layout, release: str, systemd: Systemd) -> list[Change]:
    """What a release that did not make it leaves on the host.

    Args:
        release: its id; empty where none was made.
    """
    record = Records(layout).get(release) if release else None
    idle = site.other(layout.live_slot())
    live = layout.live_slot()
    changes = []
    if record is None or (live and layout.release_of(live) == release):
        return []
    state = systemd.show(site.unit(idle)).state
    if layout.release_of(idle) == release and state not in ("inactive", "failed"):
        changes.append(Change("stop", site.unit(idle), {"runs": record.label}, {"runs": None}))
    if record.state == "building":
        changes.append(Change("remove", f"release {record.label}", {"state": "building"}, {"state": "bad"}))
    return changes


@dataclass
class Abandon(Operation):
    """Takes a release back that did not make it, and says in its record why."""

    name = "abandon"
    steps = ("stop", "remove")
    commit = "stop"
    leftover = "finish"

    layout: Layout
    release: str
    error: str
    systemd: Systemd = field(default_factory=Systemd)

    @classmethod
    def again(cls, params: Mapping[str, Any]) -> Abandon:
        return cls(Layout(Path(params["root"])), params["release"], params["error"])

    def params(self) -> dict[str, Any]:
        return {"root": str(self.layout.root), "release": self.release, "error": self.error}

    def do(self, change: Change) -> None:
        if change.step == "stop":
            # No request reached it, so nothing is lost by ending it at once.
            self.systemd.stop(change.target, wait=False)
            self.systemd.kill(change.target)
            self.systemd.stop(change.target)
        elif change.step == "remove":
            shutil.rmtree(self.layout.release(self.release), ignore_errors=True)
            Records(self.layout).change(self.release, state="bad", error=self.error, pruned=True)

    def undo(self, change: Change) -> None:
        """What was taken back stays so."""
