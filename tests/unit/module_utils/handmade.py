# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that was deployed by hand, in a directory: who answers follows from its files, as with a real nginx."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import (
    adoption,
    by_hand,
    keepsake,
    layout,
    legacy_unit,
    nginx,
    port8000,
    ports,
    traffic,
    unadopt,
)
from ansible_collections.blyan.ops.plugins.module_utils.health import Health
from ansible_collections.blyan.ops.plugins.module_utils.layout import Layout
from ansible_collections.blyan.ops.plugins.module_utils.legacy_unit import LegacyUnit
from ansible_collections.blyan.ops.plugins.module_utils.releases import Records
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd
from host import Host
from units import Units

from .cut import Planned
from .samples import BLUE, NEW

OLD_UNIT = '[Service]\nEnvironment="API_MASTER_KEY=hunter2"\nExecStart=/usr/bin/python3 api/server.py\n'
OUR_UNIT = "[Service]\nExecStart=/usr/bin/python3 /usr/local/lib/blyan-ops/agent.pyz serve\n"
WATCH, PORT = "aiblock.service", "blyan-8000.service"
APP, NGINX = 100, 200
DOOR = traffic.FrontDoor("http://127.0.0.1/api", "/health", ["healthy"], True)


class HandMade:
    """The host, with the new release started in blue.

    Attributes:
        old_app: whether the app of the checkout runs.
        loaded: what nginx has read of the site's file.
        reads_port: whether nginx has read the file for port 8000.
        folder: a folder of which nginx reads all files; empty where there is none.
    """

    def __init__(self, host: Host, units: Units, monkeypatch: pytest.MonkeyPatch) -> None:
        self.host, self.units = host, units
        self.systemd_folder, self.checkout = host.etc / "systemd", host.etc / "root/blyan"
        self.unit, self.drop_in = self.systemd_folder / WATCH, self.systemd_folder / f"{WATCH}.d" / "key.conf"
        self.site_file, self.listen = host.etc / "site", host.etc / "blyan-8000.conf"
        self.folder = str(host.etc)
        monkeypatch.setattr(port8000, "_ALONE", str(host.etc))
        for folder in (self.drop_in.parent, self.checkout / "frontend"):
            folder.mkdir(parents=True)
        self.unit.write_text(OLD_UNIT)
        self.drop_in.write_text("[Service]\n")
        self.drop_in.chmod(0o600)
        self.site_file.write_bytes(b"proxy_pass http://localhost:8000/; # caf\xe9\n")
        self.layout = Layout(host.root)
        (self.layout.release(NEW.id) / "frontend").mkdir(parents=True)
        self.layout.records.mkdir()
        Records(self.layout).save(NEW)
        units.states.update({BLUE: "active", WATCH: "active"})
        units.enabled.add(WATCH)
        self.old_app, self.loaded, self.reads_port = True, self.site_file.read_bytes(), False
        self._patch(monkeypatch)

    def _patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(legacy_unit, "FOLDER", self.systemd_folder)
        monkeypatch.setattr(adoption, "UNIT_FILE", str(self.unit))
        monkeypatch.setattr(keepsake, "FOLDER", self.host.state / "adoption")
        monkeypatch.setattr(nginx.Nginx, "test", lambda _self: None)
        monkeypatch.setattr(nginx.Nginx, "reload", lambda _self: self.reload())
        monkeypatch.setattr(nginx.Nginx, "master", lambda _self: NGINX)
        monkeypatch.setattr(by_hand, "is_app", lambda pid: pid == APP)
        monkeypatch.setattr(legacy_unit, "show", lambda _shell: self.shown())
        monkeypatch.setattr(ports, "listeners", lambda _port: ["it"] if self.old_app or self.listens else [])
        monkeypatch.setattr(ports, "owners", lambda _sockets: {NGINX: "nginx"} if self.listens else {APP: "python"})
        monkeypatch.setattr(traffic.FrontDoor, "look", lambda _self: self.front())
        for module in (adoption, unadopt):
            monkeypatch.setattr(module, "look", lambda _url, _statuses: self.port_8000())
        for name in ("start", "stop", "restart"):
            monkeypatch.setattr(Systemd, name, self._acting(name, getattr(Systemd, name)))

    def _acting(self, name: str, noted: Any) -> Any:
        def act(systemd: Systemd, unit: str, **options: Any) -> None:
            noted(systemd, unit, **options)
            if unit == PORT and name == "start":
                assert not self.old_app, "nginx cannot have the port while the app has it"
            if unit == WATCH:
                # What starts is what the file says now; what is restarted has ended first.
                self.old_app = name == "start" and "agent.pyz" not in self.unit.read_text()

        return act

    def shown(self) -> LegacyUnit:
        """The unit as systemd has it."""
        pid = APP if self.old_app else 300
        drop_ins = (str(self.drop_in),) if self.drop_in.exists() else ()
        return LegacyUnit(
            "active", pid, str(self.unit), drop_ins, True, False, str(self.checkout), {"API_MASTER_KEY": "hunter2"}, ()
        )

    @property
    def listens(self) -> bool:
        """Whether nginx listens on port 8000."""
        return self.reads_port or self.units.states.get(PORT) == "active"

    def reload(self) -> None:
        """nginx reads its files."""
        reads_port = bool(self.folder) and self.listen.exists()
        assert not (self.old_app and reads_port), "nginx cannot have the port while the app has it"
        self.loaded, self.reads_port = self.site_file.read_bytes(), reads_port

    def _slot(self) -> Health:
        slot = self.layout.live_slot()
        if slot and self.units.states.get(layout.unit(slot)) == "active":
            return Health(True, "HTTP 200", NEW.id, slot)
        return Health(False, "HTTP 502")

    def _old(self) -> Health:
        return Health(True, "HTTP 200") if self.old_app else Health(False, "HTTP 502")

    def front(self) -> Health:
        """Who answers under /api/."""
        return self._slot() if b"live.sock" in self.loaded else self._old()

    def port_8000(self) -> Health:
        """Who answers on port 8000."""
        return self._slot() if self.listens else self._old()

    def adoption(self) -> Planned:
        """What takes it over."""
        wanted = traffic.Wanted("blue", NEW.id, NEW.label, "anna@desk")
        found = traffic.find(self.layout, "blue", NEW.id, Systemd())
        host = by_hand.ByHand(self.shown(), f"{self.checkout}/api/server.py", str(self.checkout), "abc", ["0.0.0.0"])
        site = self.site_file.read_bytes().replace(b"localhost:8000", b"unix:live.sock:")
        things = adoption.Wanted(OUR_UNIT, {str(self.site_file): site}, self.folder, ["frontend"])
        switch = traffic.Switch(self.layout, wanted, found.current, DOOR, 0.1)
        return adoption.adopt(host, things, switch, adoption.moves(found, wanted), 0.1)

    def going_back(self) -> Planned:
        """What puts it back."""
        led_back = {}
        if unadopt.changed_since():
            now = self.site_file.read_bytes()
            led_back[str(self.site_file)] = now.replace(b"unix:live.sock:", b"localhost:8000")
        found = unadopt.find(self.layout, led_back)
        assert found is not None
        return unadopt.Unadopt(self.layout, found.facts, found.nginx, DOOR, 0.2), unadopt.plan(found)

    def by_hand_files(self) -> dict[str, tuple[int, bytes]]:
        """Every file and link that somebody made by hand."""
        paths = [
            self.systemd_folder / PORT,
            self.unit,
            self.drop_in,
            self.site_file,
            self.checkout / "frontend",
            self.listen,
        ]
        found = {}
        for path in [each for each in paths if each.exists() or each.is_symlink()]:
            content = path.read_bytes() if path.is_file() else str(path.is_symlink()).encode()
            found[str(path)] = (path.lstat().st_mode, content)
        return found


def records(root: Path) -> str:
    """All that was written down of operations."""
    return "".join(path.read_text() for path in (root / "steps").iterdir())
