# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moving the traffic to a slot: one rename, proven through the front door, and taken back if it is not."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import atomic, pack
from . import layout as site
from .durations import human
from .errors import OpsError
from .health import Health, look
from .layout import Layout
from .releases import Records
from .steps import Change, Operation
from .systemd import Systemd, enabled_at_boot

WATCH = "aiblock.service"
_PROOFS = 3


@dataclass(frozen=True)
class FrontDoor:
    """Where the app is seen from outside.

    Args:
        url: the app as nginx shows it.
        path: its path that tells its health.
        statuses: what it says when it is healthy.
        validate_certs: whether the certificate of an https URL has to be valid.
    """

    url: str
    path: str
    statuses: Sequence[str]
    validate_certs: bool

    def look(self) -> Health:
        """Ask once who answers, and how."""
        return look(self.url + self.path, self.statuses, validate_certs=self.validate_certs)


@dataclass(frozen=True)
class Wanted:
    """Which slot is to serve, with which release (its id and what people call it), for whom.

    ``schema`` is what is known for its record, of the schema of the database.
    """

    slot: str
    release: str
    label: str
    by: str
    schema: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What serves now.

    Args:
        live: the slot that serves, or None.
        current: the release that the link ``current`` names, empty for none.
        label: what people call that release.
        state: the state in the record of the wanted release.
        boots: whether the wanted slot is the one started at boot, and the watching unit with it.
        old_runs: whether the other slot runs.
        old_retires: whether a timer is to end it, as it is kept warm.
    """

    live: str | None
    current: str
    label: str
    state: str
    boots: bool
    old_runs: bool
    old_retires: bool = False


def find(layout: Layout, wanted_slot: str, wanted_release: str, systemd: Systemd) -> Found:
    """Read what serves."""
    name = layout.current_release()
    records = Records(layout)
    live = records.get(name)
    release = records.get(wanted_release)
    old = site.unit(site.other(wanted_slot))
    boots = enabled_at_boot(site.unit(wanted_slot)) and not enabled_at_boot(old)
    return Found(
        layout.live_slot(),
        name,
        live.label if live else name,
        release.state if release else "building",
        boots and _runs(systemd, WATCH),
        systemd.show(old).state in ("active", "activating"),
        systemd.show(site.retirement(site.other(wanted_slot))).state == "active",
    )


def require_release(layout: Layout, wanted: Wanted) -> None:
    """Refuse a slot that was given another release since this run started its own there.

    Raises:
        OpsError: the slot holds another one.
    """
    holds = layout.release_of(wanted.slot)
    if holds != wanted.release:
        raise OpsError(
            f"the slot {wanted.slot} holds release {holds} and not {wanted.release}",
            next_step="another run has changed this host meanwhile; see what is live, then run this again",
        )


def plan(wanted: Wanted, found: Found, keep_warm: float = 0.0) -> list[Change]:
    """What has to be done so that the slot serves, all of it and alone.

    Args:
        keep_warm: seconds that the other slot goes on running without serving.
    """
    moves = found.live != wanted.slot
    changes = []
    if moves:
        changes.append(Change("link", "live slot", found.live, wanted.slot))
        changes.append(Change("prove", "front door", None, {"answers": f"{wanted.label} from {wanted.slot}"}))
    if found.current != wanted.release:
        changes.append(Change("current", "live release", found.label or None, wanted.label))
    if found.current != wanted.release or found.state != "good":
        changes.append(Change("record", f"record of {wanted.label}", {"state": found.state}, {"state": "good"}))
    if not found.boots:
        changes.append(Change("boot", "slot started at boot", found.live, wanted.slot))
    if (found.old_runs and not found.old_retires) or (moves and found.live):
        until = f"idle for {human(keep_warm)}, to go back at once" if keep_warm else "until drained"
        changes.append(Change("drain", site.unit(site.other(wanted.slot)), {"runs": True}, {"runs": until}))
    return changes


@dataclass
class Switch(Operation):
    """Makes a slot serve.

    Args:
        layout: where.
        wanted: which slot, which release.
        previous: the release that serves now, empty for none.
        door: where the new slot has to show itself.
        timeout: seconds in which the front door has to show the new release.
        keep_warm: seconds that the other slot goes on running without serving, so that going back is one rename.
        systemd: the service manager.
    """

    name = "traffic"
    steps = ("link", "prove", "current", "record", "boot", "drain")
    commit = "record"
    leftover = "finish"

    layout: Layout
    wanted: Wanted
    previous: str
    door: FrontDoor
    timeout: float
    keep_warm: float = 0.0
    systemd: Systemd = field(default_factory=Systemd)

    @classmethod
    def again(cls, params: Mapping[str, Any]) -> Switch:
        wanted, door = Wanted(**params["wanted"]), FrontDoor(**params["door"])
        return cls(
            Layout(Path(params["root"])), wanted, params["previous"], door, params["timeout"], params["keep_warm"]
        )

    def params(self) -> dict[str, Any]:
        return {
            "root": str(self.layout.root),
            "wanted": vars(self.wanted),
            "previous": self.previous,
            "door": vars(self.door),
            "timeout": self.timeout,
            "keep_warm": self.keep_warm,
        }

    def do(self, change: Change) -> None:
        slot = self.wanted.slot
        if change.step == "link":
            atomic.link(self.layout.live, str(site.socket(slot)))
        elif change.step == "prove":
            self._prove()
        elif change.step == "current":
            atomic.link(self.layout.current, str(self.layout.release(self.wanted.release)))
        elif change.step == "record":
            self._record()
        elif change.step == "boot":
            self.systemd.enable(site.unit(slot))
            self.systemd.disable(site.unit(site.other(slot)))
            self.systemd.enable(WATCH)
            # Starting a unit that restarts or reloads just now, and so called this, would queue it once more.
            if not _runs(self.systemd, WATCH):
                self.systemd.start(WATCH)
        elif change.step == "drain":
            self._drain(site.other(slot))

    def undo(self, change: Change) -> None:
        if change.step == "link":
            atomic.link(self.layout.live, str(site.socket(change.before)) if change.before else None)
        elif change.step == "current":
            previous = str(self.layout.release(self.previous)) if self.previous else None
            atomic.link(self.layout.current, previous)

    def _drain(self, slot: str) -> None:
        """End the slot that served: at once, or, kept warm, by a timer whose agent leaves a live slot alone."""
        if self.keep_warm:
            command = ["/usr/bin/python3", str(pack.AGENT), "retire", slot]
            self.systemd.later(site.retirement(slot), self.keep_warm, command)
        else:
            self.systemd.stop(site.unit(slot), wait=False)

    def _prove(self) -> None:
        """Ask the front door until the new slot answers well several times in a row."""
        proofs = 0
        deadline = time.monotonic() + self.timeout
        while proofs < _PROOFS:
            seen = self.door.look()
            right = seen.good and (seen.release, seen.slot) == (self.wanted.release, self.wanted.slot)
            proofs = proofs + 1 if right else 0
            if not right and time.monotonic() > deadline:
                raise OpsError(
                    f"the front door does not show release {self.wanted.label} in {self.wanted.slot}: {_seen(seen)}",
                    next_step="see that nginx proxies to live.sock; the switch was taken back",
                )
            if not right:
                time.sleep(0.05)

    def _record(self) -> None:
        records = Records(self.layout)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        found = records.get(self.wanted.release)
        values = {"state": "good", "error": "", "live_since": now, "live_by": self.wanted.by}
        if found is not None and found.state == "building":
            values["replaced"] = self.previous
        records.change(self.wanted.release, **values, **self.wanted.schema)


def _runs(systemd: Systemd, unit: str) -> bool:
    return systemd.show(unit).state not in ("inactive", "failed")


def _seen(health: Health) -> str:
    who = f", from release {health.release} in {health.slot}" if health.release else ""
    return f"{health.says}{who}"


def switch(
    layout: Layout, wanted: Wanted, door: FrontDoor, *, systemd: Systemd, timeout: float, keep_warm: float = 0.0
) -> tuple[Switch, list[Change]]:
    """The operation that has a slot serve, with its changes."""
    found = find(layout, wanted.slot, wanted.release, systemd)
    operation = Switch(layout, wanted, found.current, door, timeout, keep_warm, systemd)
    return operation, plan(wanted, found, keep_warm)
