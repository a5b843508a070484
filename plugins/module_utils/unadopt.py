# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Going back to what was deployed by hand, from what was kept of it, however long ago that was.

The slots serve until the old app is up on port 8000 and nginx leads there again, which is proven before they end.
"""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import atomic, by_hand, keepsake, legacy_unit, ports, static
from . import layout as site
from .adoption import shown
from .errors import OpsError
from .health import look
from .layout import Layout
from .nginx import Nginx
from .port8000 import PORT, Port
from .steps import Change, Operation
from .systemd import Systemd
from .traffic import FrontDoor

_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Found:
    """What is there.

    Args:
        facts: what was noted at the adoption.
        files: files of ours by path.
        nginx: files of nginx by path, in Base64: what they hold ``now``, and what they are to hold ``then``.
        live: the slot that serves.
        current: the release that serves.
    """

    facts: Mapping[str, Any]
    files: Mapping[str, bytes | None]
    nginx: Mapping[str, Mapping[str, str]]
    live: str | None
    current: str


def changed_since() -> dict[str, bytes]:
    """The files of nginx that were changed since the host was taken over, each with what it held before that."""
    facts = keepsake.facts() or {"nginx": {}}
    return {
        path: keepsake.content(path)
        for path, led in facts["nginx"].items()
        if Path(path).exists() and Path(path).read_bytes() != b64decode(led)
    }


def find(layout: Layout, led_back: Mapping[str, bytes]) -> Found | None:
    """Read the host; None where nothing was taken over.

    Args:
        led_back: what the files that were changed since then are to hold.

    Raises:
        OpsError: a file of nginx is gone.
    """
    facts = keepsake.facts()
    if facts is None:
        return None
    nginx = {}
    for path in facts["nginx"]:
        if not Path(path).exists():
            raise OpsError(f"{path} is not there any more", next_step="put it back, and run this again")
        then = led_back.get(path, keepsake.content(path))
        nginx[path] = {"now": _text(Path(path).read_bytes()), "then": _text(then)}
    paths = [*facts["kept"], *facts["listen"]]
    files = {path: Path(path).read_bytes() if Path(path).exists() else None for path in paths}
    return Found(facts, files, nginx, layout.live_slot(), layout.current_release())


def plan(found: Found) -> list[Change]:
    """What has to be done."""
    facts = found.facts
    changes = []
    for path in facts["kept"]:
        if path in facts["nginx"]:
            now, then = (b64decode(found.nginx[path][when]) for when in ("now", "then"))
            changes.append(Change("nginx", path, shown(now), shown(then)))
        else:
            ours = found.files[path]
            changes.append(Change("unit", path, shown(ours) if ours else None, {"state": "as it was kept"}))
    changes += [
        Change("stop", f"what watches the slots in {legacy_unit.UNIT}", {"runs": True}, {"runs": False}),
        *(Change("release", path, shown(found.files[path] or b""), None) for path in facts["listen"]),
        Change("start", f"{legacy_unit.UNIT} of {facts['checkout']}", {"runs": False}, {"runs": True}),
        *(
            Change("static", str(Path(facts["checkout"], name)), {"is": "a link"}, {"is": "the folder itself"})
            for name in facts["folders"]
        ),
        Change("prove", "front door", None, {"answers": f"the app of {facts['checkout']}"}),
        Change("links", "live slot and release", {"slot": found.live, "release": found.current}, None),
        Change("drain", "slots", {"runs": True}, {"runs": "until drained"}),
        Change("forget", str(keepsake.FOLDER), {"state": "kept"}, None),
    ]
    return sorted(changes, key=lambda change: Unadopt.steps.index(change.step))


@dataclass
class Unadopt(Operation):
    """Puts back what was deployed by hand.

    Args:
        layout: where the slots are.
        facts: what was noted at the adoption.
        texts: files of nginx, in Base64, ``now`` and ``then``.
        door: where the old app has to show itself.
        timeout: seconds in which it has to be up.
        systemd: the service manager.
        nginx: the web server.
    """

    name = "unadoption"
    steps = ("unit", "stop", "release", "start", "nginx", "static", "prove", "links", "drain", "forget")
    commit = "prove"

    layout: Layout
    facts: Mapping[str, Any]
    texts: Mapping[str, Mapping[str, str]]
    door: FrontDoor
    timeout: float
    systemd: Systemd = field(default_factory=Systemd)
    nginx: Nginx = field(default_factory=Nginx)

    @classmethod
    def again(cls, params: Mapping[str, Any]) -> Unadopt:
        door = FrontDoor(**params["door"])
        return cls(Layout(Path(params["root"])), params["facts"], params["texts"], door, params["timeout"])

    def params(self) -> dict[str, Any]:
        return {
            "root": str(self.layout.root),
            "facts": dict(self.facts),
            "texts": dict(self.texts),
            "door": vars(self.door),
            "timeout": self.timeout,
        }

    def do(self, change: Change) -> None:
        {
            "unit": self._put_unit_back,
            "stop": self._stop_watch,
            "release": self._release_port,
            "start": self._start,
            "nginx": self._lead_back,
            "static": self._put_folder_back,
            "prove": self._prove,
            "links": self._unlink,
            "drain": self._drain,
            "forget": self._forget,
        }[change.step](change)

    def undo(self, change: Change) -> None:
        if change.step == "unit":
            if change.before is None:
                Path(change.target).unlink(missing_ok=True)
                self.systemd.reload()
                return
            atomic.write(Path(change.target), change.before, mode=0o644)
            self.systemd.reload()
            self.systemd.enable(legacy_unit.UNIT)
            self.systemd.start(legacy_unit.UNIT)
        elif change.step == "start":
            self.systemd.stop(legacy_unit.UNIT)
        elif change.step == "release":
            self._port().put(change.target, change.before)
            # Its configuration is the first of its files, and so the last one here.
            if change.target == self._port().file:
                self._port().open()
        elif change.step == "nginx":
            self.nginx.put(change.target, b64decode(self.texts[change.target]["now"]))
            self.nginx.reload()
        elif change.step == "static":
            static.follow(self.facts["checkout"], change.target, self.layout.current)

    def _put_unit_back(self, change: Change) -> None:
        keepsake.put_back(change.target)
        # What watches the slots runs on, and is no longer what ends them.
        self.systemd.reload()

    def _stop_watch(self, _change: Change) -> None:
        if not by_hand.is_app(legacy_unit.show(self.nginx.shell).pid):
            self.systemd.stop(legacy_unit.UNIT)

    def _release_port(self, change: Change) -> None:
        self._port().remove(change.target)

    def _port(self) -> Port:
        return Port(self.facts["folder"], self.nginx, self.systemd)

    def _lead_back(self, change: Change) -> None:
        self.nginx.put(change.target, b64decode(self.texts[change.target]["then"]))
        self.nginx.reload()

    def _put_folder_back(self, change: Change) -> None:
        static.put_back(self.facts["checkout"], change.target)

    def _unlink(self, _change: Change) -> None:
        for link in (self.layout.live, self.layout.current):
            atomic.link(link, None)

    def _drain(self, _change: Change) -> None:
        for slot in site.SLOTS:
            self.systemd.disable(site.unit(slot))
            self.systemd.stop(site.unit(slot), wait=False)

    def _forget(self, _change: Change) -> None:
        keepsake.forget()

    def _start(self, _change: Change) -> None:
        """Have the old app up, by its own unit: systemd says so, and it says that it is healthy."""
        # The two units may be wanted by different targets.
        self.systemd.disable(legacy_unit.UNIT)
        if self.facts["boots"]:
            self.systemd.enable(legacy_unit.UNIT)
        self.systemd.reset(legacy_unit.UNIT)
        self.systemd.start(legacy_unit.UNIT)
        url = ports.local_url(self.facts["addresses"], PORT) + self.door.path
        deadline = time.monotonic() + self.timeout
        while True:
            state = self.systemd.show(legacy_unit.UNIT)
            seen = look(url, self.door.statuses)
            if state.state == "active" and seen.good and not seen.release:
                return
            if time.monotonic() > deadline:
                raise OpsError(
                    f"the old app was not up within {self.timeout:.0f} s: its unit is {state.state}, {seen.says}",
                    next_step=f"see why: journalctl -u {legacy_unit.UNIT}, and its log files",
                )
            time.sleep(_POLL_SECONDS)

    def _prove(self, _change: Change) -> None:
        deadline = time.monotonic() + 10
        while True:
            seen = self.door.look()
            if seen.good and not seen.release:
                return
            if time.monotonic() > deadline:
                who = f", from release {seen.release}" if seen.release else ""
                raise OpsError(
                    f"the front door does not show the old app: {seen.says}{who}",
                    next_step="see where nginx leads; what served before this run serves on",
                )
            time.sleep(_POLL_SECONDS)


def _text(content: bytes) -> str:
    return b64encode(content).decode()
