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
    live = layout.live_slot()
    idle = site.other(live)
    changes = []
    if record is None:
        return []
    state = systemd.show(site.unit(idle)).state
    # A restart has the same release in both slots.
    if layout.release_of(idle) == release and state not in ("inactive", "failed"):
        changes.append(Change("stop", site.unit(idle), {"runs": record.label}, {"runs": None}))
    if record.state == "building" and not (live and layout.release_of(live) == release):
        changes.append(Change("remove", f"release {record.label}", {"state": "building"}, {"state": "bad"}))
    return changes


@dataclass
class Abandon(Operation):
    """Takes a release back that did not make it, and says in its record why.

    Args:
        layout: where.
        release: its id.
        error: why it did not make it.
        drain_timeout: seconds that what it answers now may need to end.
        schema: what else is known for its record, of the schema of the database.
        systemd: the service manager.
    """

    name = "abandon"
    steps = ("stop", "remove")
    commit = "stop"
    leftover = "finish"

    layout: Layout
    release: str
    error: str
    drain_timeout: float
    schema: Mapping[str, str] = field(default_factory=dict)
    systemd: Systemd = field(default_factory=Systemd)

    @classmethod
    def again(cls, params: Mapping[str, Any]) -> Abandon:
        given = (params[name] for name in ("release", "error", "drain_timeout", "schema"))
        return cls(Layout(Path(params["root"])), *given)

    def params(self) -> dict[str, Any]:
        return {
            "root": str(self.layout.root),
            "release": self.release,
            "error": self.error,
            "drain_timeout": self.drain_timeout,
            "schema": self.schema,
        }

    def do(self, change: Change) -> None:
        if change.step == "stop":
            # While the front door was tried it may have been asked; what it answers then comes to its end.
            self.systemd.stop(change.target, wait=False)
            self.systemd.await_end(change.target, self.drain_timeout + 30)
            self.systemd.reset(change.target)
        elif change.step == "remove":
            shutil.rmtree(self.layout.release(self.release), ignore_errors=True)
            Records(self.layout).change(self.release, state="bad", error=self.error, pruned=True, **self.schema)

    def undo(self, change: Change) -> None:
        """What was taken back stays so."""
