# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moving the traffic of a host that was deployed by hand to its first release, with no failed request.

Until the release is proven through nginx and recorded, the old app serves on port 8000 and its unit is as it was, so
that all can be taken back. After that the old app drains, nginx takes its port, and its unit's name means the slots.
"""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import atomic, by_hand, keepsake, legacy_unit, ports, static, traffic
from . import layout as site
from .by_hand import ByHand
from .errors import OpsError
from .health import look
from .nginx import Nginx
from .port8000 import PORT, Port, await_free
from .releases import Records
from .steps import Change, Operation
from .systemd import Systemd
from .traffic import Switch

UNIT_FILE = str(legacy_unit.FOLDER / legacy_unit.UNIT)
_KEPT_BY_SWITCH = ("link", "prove", "current", "record")


@dataclass(frozen=True)
class Wanted:
    """What the host is to have besides the release.

    Args:
        unit: the text of our unit of the same name.
        nginx: files of nginx with the content that they are to have, by path.
        folder: a folder of which nginx reads all files within http; empty where there is none.
        folders: the folders of the checkout, relative to it, that are to follow the release.
    """

    unit: str
    nginx: Mapping[str, bytes]
    folder: str
    folders: Sequence[str]


def plan(
    host: ByHand, wanted: Wanted, files: Mapping[str, bytes], switch: Sequence[Change], slot: str, live: Path
) -> list[Change]:
    """What has to be done; ``switch`` is what moves the traffic, ``files`` are those of nginx as they are."""
    unit = site.unit(slot)
    drop_ins = legacy_unit.own_drop_ins(host.unit)
    kept = [UNIT_FILE, *drop_ins, *wanted.nginx]
    by_hand_unit = {"runs": host.script, "variables": ", ".join(sorted(host.unit.declared)) or "none"}
    changes = [
        Change("keep", str(keepsake.FOLDER), None, {"keeps": ", ".join(kept)}),
        Change("boot", f"{unit} started at boot", False, True),
        *(Change("nginx", path, shown(files[path]), shown(content)) for path, content in wanted.nginx.items()),
        *(each for each in switch if each.step in _KEPT_BY_SWITCH),
        *(static.change(host.checkout, name) for name in wanted.folders),
        Change("unit", UNIT_FILE, by_hand_unit, wanted.unit),
        *(Change("unit", path, {"state": "adds to the old unit"}, None) for path in drop_ins),
        *(Change("listen", path, None, text) for path, text in Port(wanted.folder).files(live, host.addresses).items()),
        Change("retire", f"{host.script} of {legacy_unit.UNIT}", {"runs": True}, {"runs": "until drained"}),
    ]
    return sorted(changes, key=lambda change: Adopt.steps.index(change.step))


@dataclass
class Adopt(Operation):
    """Takes a host over that was deployed by hand.

    Args:
        switch: moves the traffic.
        facts: what going back needs to know; see :mod:`unadopt`.
        drain_timeout: seconds that requests and streams of the old app may go on.
        systemd: the service manager.
        nginx: the web server.
    """

    name = "adoption"
    steps = ("keep", "boot", "link", "nginx", "prove", "current", "static", "record", "unit", "listen", "retire")
    commit = "record"

    switch: Switch
    facts: Mapping[str, Any]
    drain_timeout: float
    systemd: Systemd = field(default_factory=Systemd)
    nginx: Nginx = field(default_factory=Nginx)

    @classmethod
    def again(cls, params: Mapping[str, Any]) -> Adopt:
        return cls(Switch.again(params["switch"]), params["facts"], params["drain_timeout"])

    def params(self) -> dict[str, Any]:
        return {"switch": self.switch.params(), "facts": dict(self.facts), "drain_timeout": self.drain_timeout}

    def do(self, change: Change) -> None:
        if change.step in _KEPT_BY_SWITCH:
            self.switch.do(change)
        elif change.step == "keep":
            keepsake.keep(self.facts["kept"], self.facts)
        elif change.step == "boot":
            # Before nginx leads there: from now on a boot starts both, whichever nginx is told of.
            self.systemd.enable(site.unit(self.switch.wanted.slot))
        elif change.step == "nginx":
            self._lead(change.target)
        elif change.step == "static":
            static.follow(self.facts["checkout"], change.target, self.switch.layout.current)
        elif change.step == "unit":
            self._unit(change)
        elif change.step == "listen":
            self._port().put(change.target, change.after)
        elif change.step == "retire":
            self._retire()

    def undo(self, change: Change) -> None:
        if change.step == "record":
            # It did not come to serve; a switch between releases would be finished instead.
            Records(self.switch.layout).change(self.switch.wanted.release, live_since="", live_by="", **change.before)
        elif change.step in _KEPT_BY_SWITCH:
            self.switch.undo(change)
        elif change.step == "keep":
            keepsake.forget()
        elif change.step == "boot":
            self.systemd.disable(site.unit(self.switch.wanted.slot))
        elif change.step == "nginx":
            # Always with a reload: a kill may have fallen between the file and that.
            self.nginx.put(change.target, keepsake.content(change.target))
            self.nginx.reload()
        elif change.step == "static":
            static.put_back(self.facts["checkout"], change.target)

    def _lead(self, path: str) -> None:
        """Have nginx read another text of one file; it goes on with the old one where it does not accept that."""
        self.nginx.put(path, b64decode(self.facts["nginx"][path]))
        self.nginx.reload()

    def _unit(self, change: Change) -> None:
        if change.after is None:
            Path(change.target).unlink(missing_ok=True)
        else:
            atomic.write(Path(change.target), change.after, mode=0o644)
        # The process of the old unit goes on; from now on, should it die, what starts is the agent.
        self.systemd.reload()
        self.systemd.enable(legacy_unit.UNIT)

    def _retire(self) -> None:
        """End the old app in the background and have nginx listen where it did, at once.

        The restart goes on by itself: it waits for the old app to drain, then starts the agent. Its listening socket
        closes when the drain begins, and that is when nginx can have the port.
        """
        pid = legacy_unit.show(self.nginx.shell).pid
        state = self.systemd.show(legacy_unit.UNIT).state
        if state in ("inactive", "failed"):
            self.systemd.start(legacy_unit.UNIT)
        elif by_hand.is_app(pid) and state != "deactivating":
            self.systemd.restart(legacy_unit.UNIT)
        port = self._port()
        if not port.held():
            await_free(self.drain_timeout + 30)
        port.open()
        self._prove_port()

    def _port(self) -> Port:
        return Port(self.facts["folder"], self.nginx, self.systemd)

    def _prove_port(self) -> None:
        url = ports.local_url(self.facts["addresses"], PORT) + self.switch.door.path
        deadline = time.monotonic() + self.switch.timeout
        while True:
            seen = look(url, self.switch.door.statuses)
            if seen.good and seen.release:
                return
            if time.monotonic() > deadline:
                raise OpsError(
                    f"{url} does not show the release: {seen.says}",
                    next_step="see that nginx listens there; then run this again, which finishes the adoption",
                )
            time.sleep(0.02)


def adopt(
    host: ByHand,
    wanted: Wanted,
    switch: Switch,
    moves: Sequence[Change],
    drain_timeout: float,
) -> tuple[Adopt, list[Change]]:
    """The operation that takes a host over, with its changes.

    Raises:
        OpsError: the release lacks a folder from which nginx serves files.
    """
    release = switch.layout.release(switch.wanted.release)
    for name in wanted.folders:
        if release.is_dir() and not (release / name).is_dir():
            raise OpsError(
                f"release {switch.wanted.label} has no folder {name}, from which nginx serves files",
                next_step="deploy a version that has it",
            )
    files = {path: Path(path).read_bytes() for path in wanted.nginx}
    changes = plan(host, wanted, files, moves, switch.wanted.slot, switch.layout.live)
    facts = {
        "kept": [each.target for each in changes if each.step in ("unit", "nginx")],
        "checkout": host.checkout,
        "commit": host.commit,
        "boots": host.unit.boots,
        "addresses": host.addresses,
        "nginx": {path: b64encode(content).decode() for path, content in wanted.nginx.items()},
        "folder": wanted.folder,
        "listen": [each.target for each in changes if each.step == "listen"],
        "folders": list(wanted.folders),
        "root": str(switch.layout.root),
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "by": switch.wanted.by,
    }
    return Adopt(switch, facts, drain_timeout, switch.systemd), changes


def moves(found: traffic.Found, wanted: traffic.Wanted) -> list[Change]:
    """What moves the traffic, of which the old unit keeps its part until it is retired."""
    return [each for each in traffic.plan(wanted, found) if each.step in _KEPT_BY_SWITCH]


def shown(content: bytes) -> str:
    """The content of a file for people."""
    return content.decode("utf-8", "replace")
