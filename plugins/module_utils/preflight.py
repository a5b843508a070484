# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is on an API host before anything changes, and whether a deploy, rollback or restart may go on."""

from __future__ import annotations

import pwd
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from . import atomic, pack, schema
from . import layout as site
from .errors import OpsError
from .health import Health, look
from .layout import SLOTS, Layout
from .registry import known_to_live
from .releases import Records, Release, rollback_target
from .slots import HostFile
from .systemd import Systemd, Unit
from .web import Unanswered, get


@dataclass(frozen=True)
class Slot:
    """One slot: the release that it runs or would run, its unit, and what its health says."""

    release: str | None
    unit: Unit
    health: Health


@dataclass(frozen=True)
class Found:
    """What is on the host.

    Args:
        live: the slot that serves, or None.
        slots: both slots by name.
        releases: all records, oldest first.
        leftovers: operations that a killed run left unfinished.
    """

    live: str | None
    slots: Mapping[str, Slot]
    releases: Sequence[Release]
    leftovers: Sequence[str]

    @property
    def release(self) -> Release | None:
        """The release that serves."""
        name = self.slots[self.live].release if self.live else None
        return next((r for r in self.releases if r.id == name), None)


def find(layout: Layout, systemd: Systemd, leftovers: Sequence[str], path: str, statuses: Sequence[str]) -> Found:
    """Read the host."""
    slots = {}
    for slot in SLOTS:
        unit = systemd.show(site.unit(slot))
        health = Health(False, "not running")
        if unit.state in ("active", "deactivating"):
            health = look(f"http://localhost{path}", statuses, unix_socket=str(site.socket(slot)))
        slots[slot] = Slot(layout.release_of(slot), unit, health)
    return Found(layout.live_slot(), slots, Records(layout).all(), leftovers)


def require_host(user: str, front_url: str, validate_certs: bool) -> None:
    """Refuse a host that cannot run the app.

    Raises:
        OpsError: with the first thing that is missing.
    """
    try:
        pwd.getpwnam(user)
    except KeyError as error:
        raise OpsError(
            f"there is no user {user!r} on this host", next_step="run the playbook provision, or correct deploy_user"
        ) from error
    for program in ("git", "systemctl", "systemd-run"):
        if shutil.which(program, path="/usr/bin:/bin:/usr/local/bin") is None:
            raise OpsError(f"{program} is not on this host", next_step="run the playbook provision")
    try:
        get(front_url, validate_certs=validate_certs)
    except Unanswered as error:
        if "timed out" in str(error):
            # Somebody took the question, and the app behind hangs; a deploy or rollback may be the way out of that.
            return
        raise OpsError(
            f"nothing answers at {front_url} ({error})",
            next_step="see that nginx runs there, run the playbook provision, or correct blyan_front_url",
        ) from error


def require_nodes(found: Found, carry: bool, systemd: Systemd) -> None:
    """Refuse when the GPU nodes that the live slot knows are to be carried over and cannot be read.

    Raises:
        OpsError: so it is.
    """
    live = found.live
    if carry and live:
        known_to_live(live, systemd, lambda: found.slots[live].health)


def require_schema(found: Found, target: Release, across: bool) -> None:
    """Refuse to go back to a release that the schema of the database has left behind.

    Args:
        across: whether that is wanted all the same.

    Raises:
        OpsError: so it is, or it is not known what a migration that was cut short left.
    """
    reason = schema.across(found.releases, target)
    if "migration" in found.leftovers:
        reason = "an earlier run was cut short in its migration, so that it is not known what schema the database has"
    if reason and not across:
        raise OpsError(
            reason,
            next_step="deploy a version that is made for that schema; or, where its code works with it all the same,"
            " set deploy_rollback_across_migrations: true",
        )


def nothing_to_deploy(
    found: Found,
    commit: str,
    venv: Callable[[], str],
    environment: str | None,
    files: Sequence[HostFile],
    agent: bytes,
) -> bool:
    """Whether the commit is live, healthy, and runs with all that is wanted.

    Args:
        venv: the name of the virtual environment that is wanted; only asked where the commit is live.
        environment: the text of the environment file that is wanted; None for any.
        agent: the agent's archive that is wanted; empty for any.
    """
    release = found.release
    if found.live is None or release is None or release.commit != commit or release.state != "good":
        return False
    if found.leftovers or not found.slots[found.live].health.good:
        return False
    if environment is not None and atomic.read_text(site.environment_file(found.live)) != environment:
        return False
    if agent and pack.installed() != pack.digest(agent):
        return False
    return all(atomic.read_text(Path(f.path)) == f.content for f in files) and release.venv == venv()


def target(found: Found, purpose: str, rollback_to: str) -> Release | None:
    """The release on disk that a rollback or restart starts.

    Raises:
        OpsError: there is none.
    """
    live = found.release
    if purpose == "rollback":
        return rollback_target(found.releases, live.id if live else None, rollback_to)
    if purpose == "restart":
        if live is None:
            raise OpsError("no release is live on this host", next_step="deploy one with the playbook deploy")
        return live
    return None


def report(found: Found) -> dict[str, Any]:
    """What was found, as modules return it."""
    live = found.release
    return {
        "live": None if live is None or found.live is None else {**vars(live), "slot": found.live},
        "slots": {
            name: {
                "release": slot.release,
                "state": slot.unit.state,
                "since": slot.unit.since,
                "restarts": slot.unit.restarts,
                "healthy": slot.health.good,
                "health": slot.health.says,
            }
            for name, slot in found.slots.items()
        },
        "releases": [vars(release) for release in found.releases],
        "leftovers": list(found.leftovers),
    }
