# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The agent on an API host: what ``systemctl status|start|stop|restart|reload aiblock`` means with two slots.

It runs from an archive that :mod:`pack` installs, with nothing but Python, and does with the same operations
what the playbooks do.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Callable

from . import abandon, atomic, by_hand, leftovers, migrator, slots, start, traffic
from . import layout as site
from .durations import seconds
from .errors import OpsError
from .health import look
from .journal import Journal, entry
from .layout import Layout
from .lock import Lock
from .releases import Records
from .run import Run
from .shell import Shell
from .steps import STATE, Change, Engine
from .systemd import Systemd

CONFIGURATION = site.CONFIGURATION / "slots.json"
# Not in a directory of the app's user, who could have put a link there for root to follow.
_SWAP_ASKED = Path("/run/blyan-ops/restart")
_WATCH_SECONDS = 2.0
_LONGEST_RUN = 3600.0


@dataclass(frozen=True)
class Settings:
    """How the slots of this host are run; the role ``deploy`` writes them."""

    root: str
    front_url: str
    health_path: str
    health_statuses: list[str]
    health_timeout: float
    drain_timeout: float
    validate_certs: bool
    carry_nodes: bool = True

    @classmethod
    def read(cls) -> Settings:
        """The settings on this host.

        Raises:
            OpsError: there are none.
        """
        found: Any = atomic.read_json(CONFIGURATION)
        if found is None:
            raise OpsError(f"{CONFIGURATION} is missing", next_step="run the playbook deploy against this host")
        for name in ("health_timeout", "drain_timeout"):
            found[name] = seconds(str(found[name]), name)
        return cls(**found)


def serve(settings: Settings) -> None:
    """Start what is live, or restart it through the other slot, then tell systemd how it is until stopped."""
    layout, systemd = Layout(Path(settings.root)), Systemd()
    live = layout.live_slot()
    if live is None:
        raise OpsError("no release is live on this host", next_step="deploy one with the playbook deploy")
    asked = _SWAP_ASKED.exists()
    _SWAP_ASKED.unlink(missing_ok=True)
    refusal = ""
    if asked and systemd.show(site.unit(live)).state == "active":
        try:
            swap(settings)
        except (OpsError, OSError) as error:
            # The live slot serves on; a failed unit would only hide that, and its status says what was not done.
            _say(f"not restarted: {error.message() if isinstance(error, OpsError) else error}")
            refusal = f"not restarted: {error}; "
    else:
        systemd.start(site.unit(live))
    _watch(settings, layout, live, refusal)


def swap(settings: Settings) -> None:
    """Run the live release in the other slot and move the traffic there; no request is lost.

    Raises:
        OpsError: it could not be done; what served before serves on.
    """
    run = Run(f"aiblock-{os.getpid()}", f"root@{socket.gethostname()}", "systemctl restart aiblock")
    lock, began, outcome = Lock(STATE), time.monotonic(), "done"
    changes: list[Change] = []
    try:
        with lock.renewed(run):
            _swap(settings, run, changes)
    except (OpsError, OSError) as error:
        outcome = f"failed: {error}"
        raise
    finally:
        lock.release(run)
        if changes:
            _record(entry(run, "agent", changes, outcome, time.monotonic() - began))


def _record(line: dict[str, Any]) -> None:
    try:
        Journal(STATE).append(line)
    except OSError as error:
        # As with modules: what was changed is changed.
        _say(f"this is missing in the journal of this host, which cannot be written: {error}")


def _swap(settings: Settings, run: Run, made: list[Change]) -> None:
    """Do it under the lock; ``made`` gets the changes that are made or tried."""
    layout, systemd = Layout(Path(settings.root)), Systemd()
    engine = Engine(STATE, progress=_say, fence=lambda: Lock(STATE).require(run))
    for note in leftovers.settle(engine):
        _say(note)
    live = layout.live_slot()
    release = Records(layout).get(layout.release_of(live) or "") if live else None
    if release is None:
        raise OpsError("no release is live on this host", next_step="deploy one with the playbook deploy")
    slot = site.other(live)
    begin, changes = start.start(
        layout,
        slots.Wanted(slot, release.id, release.label, None),
        systemd=systemd,
        health_path=settings.health_path,
        health_statuses=settings.health_statuses,
        health_timeout=settings.health_timeout,
        drain_timeout=settings.drain_timeout,
        carry_nodes=settings.carry_nodes,
        progress=_say,
    )
    made += changes
    engine.run(begin, changes)
    move, changes = traffic.switch(
        layout,
        traffic.Wanted(slot, release.id, release.label, run.who),
        traffic.FrontDoor(settings.front_url, settings.health_path, settings.health_statuses, settings.validate_certs),
        systemd=systemd,
        timeout=10.0,
    )
    made += changes
    try:
        engine.run(move, changes)
    except OpsError as error:
        given_up = abandon.Abandon(layout, release.id, error.reason, settings.drain_timeout, systemd=systemd)
        engine.run(given_up, abandon.plan(layout, release.id, systemd))
        raise


def stop(settings: Settings) -> None:
    """End both slots, unless systemd is restarting the service: then the start that follows goes through the slots.

    An app that was deployed by hand, which is retired by the restart after its host was taken over, just ends.
    """
    jobs = Shell().run(["systemctl", "list-jobs", "--no-legend", "--plain"]).stdout
    kind = job_of(jobs, traffic.WATCH)
    # systemd names the process that it stops.
    pid = int(os.environ.get("MAINPID") or 0)
    if kind == "restart" and by_hand.is_app(pid):
        by_hand.end(pid, settings.drain_timeout)
    elif kind == "restart":
        _SWAP_ASKED.parent.mkdir(mode=0o755, exist_ok=True)
        _SWAP_ASKED.touch()
    elif kind == "stop":
        for slot in site.SLOTS:
            Systemd().stop(site.unit(slot), wait="shutdown.target" not in jobs)


def retire(settings: Settings, slot: str) -> None:
    """End a slot that was kept warm, unless it serves again."""
    run = Run(f"retire-{os.getpid()}", f"root@{socket.gethostname()}", f"end of the warm slot {slot}")
    lock = Lock(STATE)
    # Whoever changes this host now may be about to use the slot.
    with lock.renewed(run, wait=_LONGEST_RUN):
        try:
            if Layout(Path(settings.root)).live_slot() != slot:
                Systemd().stop(site.unit(slot), wait=False)
        finally:
            lock.release(run)


def job_of(listing: str, unit: str) -> str:
    """The kind of job that systemd runs for a unit, from ``systemctl list-jobs``; empty for none."""
    for line in listing.splitlines():
        words = line.split()
        if len(words) >= 3 and words[1] == unit:
            return words[2]
    return ""


def _watch(settings: Settings, layout: Layout, live: str, refusal: str) -> None:
    """Tell systemd in one line how the live slot is, and the log when that changes.

    Args:
        live: the slot that served at first.
        refusal: why it was not restarted, which is told until the other one serves; empty where that was not asked for.
    """
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    told = None
    while True:
        if layout.live_slot() != live:
            refusal = ""
        state = refusal + _state(settings, layout)
        if state != told:
            _say(state)
            _notify(f"READY=1\nSTATUS={state}")
            told = state
        if ended.wait(_WATCH_SECONDS):
            return


def _state(settings: Settings, layout: Layout) -> str:
    live = layout.live_slot()
    if live is None:
        return "no release is live"
    url = f"http://localhost{settings.health_path}"
    health = look(url, settings.health_statuses, unix_socket=str(site.socket(live)))
    release = Records(layout).get(layout.release_of(live) or "")
    name = f"{release.id} ({release.version})" if release else "an unknown release"
    return f"{live} serves {name}" if health.good else f"{live} with {name} is NOT healthy: {health.says}"


def _notify(text: str) -> None:
    """systemd's readiness protocol: one datagram to the socket that it names."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.connect("\0" + path[1:] if path.startswith("@") else path)
            channel.sendall(text.encode())


def _tell(text: str) -> None:
    """Tell the log, and systemd as the status of the unit."""
    _say(text)
    _notify("STATUS=" + text.partition("\n")[0])


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run the command that the unit names."""
    if sys.argv[1:2] == ["migrate"] and len(sys.argv) == 3:
        raise SystemExit(migrator.main(sys.argv[2], _tell))
    actions: dict[tuple[str, ...], Callable[[Settings], None]] = {("serve",): serve, ("swap",): swap, ("stop",): stop}
    for slot in site.SLOTS:
        actions["retire", slot] = partial(retire, slot=slot)
    action = actions.get(tuple(sys.argv[1:]))
    if action is None:
        raise SystemExit(f"usage: {sys.argv[0]} serve|swap|stop|retire SLOT")
    try:
        action(Settings.read())
    except OpsError as error:
        raise SystemExit(error.message()) from error
