# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing a release up in the idle slot, where no request reaches it, until it is healthy."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

from . import atomic, envfile, pack
from . import layout as site
from .durations import human
from .errors import OpsError
from .health import Health, look
from .layout import Layout
from .registry import Node, Registry, known_to_live
from .slots import HostFile, Wanted, find, plan
from .steps import Change, Operation
from .systemd import Systemd, Unit

_POLL_SECONDS = 0.05
_WARM_REQUESTS = 3
_LOG_LINES = 15


@dataclass
class StartSlot(Operation):
    """Makes the idle slot run a release.

    Args:
        layout: where.
        wanted: the slot as it is wanted.
        environment: the text of its environment file; kept out of all records, as it holds secrets.
        systemd: the service manager.
        health: asks the slot how it is.
        health_timeout: seconds in which it has to become healthy.
        drain_timeout: seconds that what runs in the slot now may need to end.
        progress: told what is waited for.
        asks: what a line of the app's log about our own asking has in it.
        live_nodes: reads the GPU nodes that the live slot knows; None where none are to be carried over.
    """

    name = "slot"
    # The registry last, as nodes that register between it and the switch do so in vain.
    steps = ("keep", "master_key", "environment", "release", "agent", "files", "start", "healthy", "registry")

    layout: Layout
    wanted: Wanted
    environment: str = ""
    systemd: Systemd = field(default_factory=Systemd)
    health: Callable[[], Health] = lambda: Health(False, "not asked")
    health_timeout: float = 0.0
    drain_timeout: float = 0.0
    progress: Callable[[str], None] = lambda text: None
    asks: str = ""
    live_nodes: Callable[[], Sequence[Node] | None] = lambda: None

    @classmethod
    def again(cls, params: Mapping[str, Any]) -> StartSlot:
        wanted = Wanted(params["slot"], params["release"], "", None, [HostFile(**f) for f in params["files"]])
        return cls(Layout(Path(params["root"])), wanted)

    def params(self) -> dict[str, Any]:
        files = [{"path": f.path, "content": None, "mode": f.mode} for f in self.wanted.files]
        return {
            "root": str(self.layout.root),
            "slot": self.wanted.slot,
            "release": self.wanted.release,
            "files": files,
        }

    def do(self, change: Change) -> None:
        slot = self.wanted.slot
        if change.step == "keep":
            self.systemd.cancel(change.target)
        elif change.step == "master_key":
            atomic.write(site.MASTER_KEY, f"API_MASTER_KEY={secrets.token_urlsafe(32)}\n")
        elif change.step == "environment":
            site.environment_file(slot).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            atomic.write(site.environment_file(slot), self.environment)
        elif change.step == "release":
            self.layout.slot(slot).parent.mkdir(exist_ok=True)
            atomic.link(self.layout.slot(slot), str(self.layout.release(self.wanted.release)))
        elif change.step == "agent":
            pack.install(self.wanted.agent)
        elif change.step == "files":
            self._put(change.target, change.after)
        elif change.step == "start":
            self._start()
        elif change.step == "healthy":
            self._await_health()
        elif change.step == "registry":
            self._carry_nodes()

    def undo(self, change: Change) -> None:
        # Environment and release of a slot that does not run are of no effect, and the next start sets them;
        # a newer agent serves the older units as well.
        if change.step == "start" and self.layout.live_slot() != self.wanted.slot:
            self._end()
        elif change.step == "files":
            self._put(change.target, change.before)
            self.systemd.reload()

    def _put(self, path: str, content: str | None) -> None:
        if content is None:
            Path(path).unlink(missing_ok=True)
            return
        mode = next(f.mode for f in self.wanted.files if f.path == path)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        atomic.write(Path(path), content, mode=mode)

    def _start(self) -> None:
        unit = site.unit(self.wanted.slot)
        self._await_end(unit)
        # Before the first start and after a boot without the units, /run/aiblock and the log files are not there.
        tmpfiles = [f.path for f in self.wanted.files if f.path.startswith("/etc/tmpfiles.d/")]
        self.systemd.prepare(tmpfiles)
        if self.systemd.show(unit).stale or self.systemd.show("aiblock.service").stale:
            self.systemd.reload()
        self.systemd.reset(unit)
        self.systemd.start(unit)

    def _await_end(self, unit: str) -> None:
        """Let what still drains in the slot end, or end it: the unit's own timeout may be longer than this run's."""
        if self.systemd.show(unit).state == "active":
            self.systemd.stop(unit, wait=False)
        try:
            self.systemd.await_end(unit, self.drain_timeout, self.progress)
        except OpsError:
            self.progress(f"ending {unit}, which drains for longer than {human(self.drain_timeout)}")
            self._end()

    def _end(self) -> None:
        """Stop the slot at once: no request ever reached it, so there is nothing to drain."""
        unit = site.unit(self.wanted.slot)
        self.systemd.stop(unit, wait=False)
        self.systemd.kill(unit)
        self.systemd.stop(unit)
        self.systemd.reset(unit)

    def _await_health(self) -> None:
        unit = site.unit(self.wanted.slot)
        begun = time.monotonic()
        told = 0.0
        while True:
            health = self.health()
            if health.good:
                break
            state = self.systemd.show(unit)
            waited = time.monotonic() - begun
            if state.restarts or state.state == "failed" or state.sub == "auto-restart":
                self._unhealthy("ended while it started", state)
            if waited > self.health_timeout:
                self._unhealthy(f"was not healthy within {human(self.health_timeout)}: {health.says}", state)
            if waited - told >= max(1.0, waited / 5):
                told = waited
                self.progress(f"{unit} is not healthy yet after {human(waited)}: {health.says}")
            # Often at first, as most apps are quick, then ever more seldom.
            time.sleep(min(1.0, _POLL_SECONDS + waited / 20))
        for _number in range(_WARM_REQUESTS):
            self.health()

    def _carry_nodes(self) -> None:
        nodes = self.live_nodes()
        if nodes:
            self.progress(f"telling {site.unit(self.wanted.slot)} of {len(nodes)} GPU nodes")
            Registry(self.wanted.slot, self.systemd).take(nodes)

    def _unhealthy(self, how: str, state: Unit) -> None:
        unit = site.unit(self.wanted.slot)
        raise OpsError(
            f"{unit} with release {self.wanted.label} {how}",
            next_step="read the app's last lines below; no request has reached it",
            details=envfile.redact(self._said(unit, state.invocation), envfile.secrets_of_slots()),
        )

    def _said(self, unit: str, invocation: str) -> list[str]:
        """The app's last log lines. Our own asking leaves so many that nothing else would be among the last ones."""
        lines = self.systemd.log(unit, invocation, lines=_LOG_LINES * 20)
        return [line for line in lines if not (self.asks and self.asks in line)][-_LOG_LINES:]


def start(
    layout: Layout,
    wanted: Wanted,
    *,
    systemd: Systemd,
    health_path: str,
    health_statuses: Sequence[str],
    health_timeout: float,
    drain_timeout: float,
    carry_nodes: bool,
    progress: Callable[[str], None],
) -> tuple[StartSlot, list[Change]]:
    """The operation that has a slot as wanted, with its changes.

    Raises:
        OpsError: the slot serves, or its GPU nodes are to be carried over and cannot be read.
    """
    live = layout.live_slot()

    def health(slot: str = wanted.slot) -> Health:
        return look(f"http://localhost{health_path}", health_statuses, unix_socket=str(site.socket(slot)))

    def live_nodes() -> Sequence[Node] | None:
        return known_to_live(live, systemd, lambda: health(live)) if live and carry_nodes else None

    paths = [f.path for f in wanted.files]
    found = find(layout, wanted.slot, paths, systemd, health_path, health_statuses, live_nodes())
    changes = plan(wanted, found)
    environment = wanted.environment if wanted.environment is not None else found.live_environment or ""
    asks = f'"GET {health_path} HTTP/'
    operation = StartSlot(
        layout, wanted, environment, systemd, health, health_timeout, drain_timeout, progress, asks, live_nodes
    )
    return operation, changes


def make_ready(layout: Layout, wanted: Wanted, systemd: Systemd) -> tuple[StartSlot, list[Change]]:
    """The operation that gives a slot its environment and release without starting it, with its changes.

    Raises:
        OpsError: the slot serves.
    """
    # How the slot answers is of no matter, as it is not started.
    return start(
        layout,
        wanted,
        systemd=systemd,
        health_path="/",
        health_statuses=(),
        health_timeout=0.0,
        drain_timeout=0.0,
        carry_nodes=False,
        progress=lambda text: None,
    )
