# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The idle slot as it is wanted and as it is found, and what lies between. The planner is pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import atomic, envfile, pack, registry
from . import layout as site
from .errors import OpsError
from .health import Health, look
from .layout import Layout
from .steps import Change
from .systemd import Systemd, Unit


@dataclass(frozen=True)
class HostFile:
    """A file that the slots need on the host.

    Args:
        path: where it is.
        content: what it holds, or None where it is not there.
        mode: its permission bits.
    """

    path: str
    content: str | None
    mode: int = 0o644


@dataclass(frozen=True)
class Wanted:
    """A slot as it is wanted.

    Args:
        slot: ``blue`` or ``green``.
        release: the id of its release.
        label: what people call that release.
        environment: the text of its environment file; None to take over that of the live slot.
        files: units and what belongs to them.
        agent: the agent's archive; empty to leave the one that is there.
        prepared: whether it was made ready in the same run, so that only starting is left.
        started: whether it is to run, or only to be made ready.
        key_given: whether a master key is there that check mode does not find.
    """

    slot: str
    release: str
    label: str
    environment: str | None
    files: Sequence[HostFile] = ()
    agent: bytes = b""
    prepared: bool = False
    started: bool = True
    key_given: bool = False


@dataclass(frozen=True)
class Found:
    """A slot as it is, with the files of the host.

    Args:
        serves: whether requests reach it.
        retires: whether a timer is to end it, as it was kept warm.
        live_nodes: the GPU nodes that the live slot knows; None where none are to be carried over.
        nodes: those that this slot knows.
    """

    release: str | None
    environment: str | None
    live_environment: str | None
    master_key: bool
    files: Mapping[str, str | None]
    agent: str
    unit: Unit
    answers: Health
    serves: bool
    retires: bool = False
    live_nodes: frozenset[str] | None = None
    nodes: frozenset[str] = frozenset()


def find(
    layout: Layout,
    slot: str,
    paths: Sequence[str],
    systemd: Systemd,
    url_path: str,
    statuses: Sequence[str],
    live_nodes: Sequence[registry.Node] | None,
) -> Found:
    """Read a slot."""
    live = layout.live_slot()
    unit = systemd.show(site.unit(slot))
    return Found(
        layout.release_of(slot),
        atomic.read_text(site.environment_file(slot)),
        atomic.read_text(site.environment_file(live)) if live else None,
        site.MASTER_KEY.exists(),
        {path: atomic.read_text(Path(path)) for path in paths},
        pack.installed(),
        unit,
        look(f"http://localhost{url_path}", statuses, unix_socket=str(site.socket(slot)))
        if unit.state == "active"
        else Health(False, "not running"),
        live == slot,
        systemd.show(site.retirement(slot)).state == "active",
        None if live_nodes is None else frozenset(str(node.get("node_id")) for node in live_nodes),
        frozenset() if live_nodes is None else registry.known_ids(slot, systemd),
    )


def plan(wanted: Wanted, found: Found) -> list[Change]:
    """What has to be done to have the slot as wanted.

    Raises:
        OpsError: the slot serves; it is never touched.
    """
    if found.serves:
        raise OpsError(
            f"the slot {wanted.slot} serves now", next_step="start the release in the other slot and switch to it"
        )
    changes = [] if wanted.prepared else _ready(wanted, found)
    if not wanted.started:
        return changes
    files = [f for f in wanted.files if found.files.get(f.path) != f.content]
    changes += [Change("files", f.path, found.files.get(f.path), f.content) for f in files]
    target = site.unit(wanted.slot)
    starts = bool(changes) or wanted.prepared or not found.answers.good or found.unit.stale
    if starts:
        changes.append(Change("start", target, None, {"runs": wanted.label}))
        changes.append(Change("healthy", f"health of {target}", None, {"health": "good"}))
    if found.retires:
        changes.append(Change("keep", site.retirement(wanted.slot), {"ends": target}, None))
    # One that is started anew gets those too that register while it starts.
    if found.live_nodes is not None and (starts or found.live_nodes - found.nodes):
        changes.append(
            Change(
                "registry",
                f"GPU nodes known to {target}",
                None,
                {"nodes": f"the {len(found.live_nodes)} of the live slot"},
            )
        )
    return changes


def _ready(wanted: Wanted, found: Found) -> list[Change]:
    """What makes the slot ready to be started, and migrations to be run: key, environment, release and agent."""
    changes = []
    if not (found.master_key or wanted.key_given):
        changes.append(Change("master_key", str(site.MASTER_KEY), None, {"state": "made on the host"}))
    environment = wanted.environment if wanted.environment is not None else found.live_environment or ""
    if environment != found.environment:
        before, after = envfile.names_changed(found.environment, environment)
        changes.append(Change("environment", str(site.environment_file(wanted.slot)), before, after))
    if found.release != wanted.release:
        changes.append(Change("release", f"release of the slot {wanted.slot}", found.release, wanted.label))
    if wanted.agent and found.agent != pack.digest(wanted.agent):
        changes.append(Change("agent", str(pack.AGENT), found.agent or None, pack.digest(wanted.agent)))
    return changes
