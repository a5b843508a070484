# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The GPU nodes that the app knows, carried over from one slot to the other.

They are known to the memory of the process alone: one that is started knows none until they register again, which takes
up to a minute in which it has no node to send work to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable
from urllib.parse import urlsplit

from . import atomic, envfile
from . import layout as site
from .errors import OpsError
from .health import Health, quoted
from .systemd import Systemd
from .web import Answer, Unanswered, get, post

_NODES = "http://localhost/p2p/nodes"
_REGISTER = "http://localhost/p2p/register"
#: What an app says whose coordinator did not come up: it knows no node, and never will.
_NO_COORDINATOR = b"coordinator not initialized"
#: What the app makes itself of what a node told when it registered.
_MADE = ("endpoint", "load_factor", "last_heartbeat")
_HOW_TO_GO_ON = (
    "see the app's log; to go on without, so that nodes register anew by themselves, set deploy_carry_nodes: false"
)

Node = Mapping[str, Any]


def registration(node: Node) -> dict[str, Any]:
    """What a node sent when it registered, from how the app lists it.

    Raises:
        OpsError: the listing has no id, or no endpoint to reach the node at.
    """
    name, endpoint = node.get("node_id"), node.get("endpoint")
    try:
        if not isinstance(name, str) or not name or not isinstance(endpoint, str):
            raise ValueError("it has to name node_id and endpoint")
        host, port = _reached_at(endpoint)
    except ValueError as error:
        raise OpsError(
            f"the live slot lists a node {name!r} at {endpoint!r} ({error})", next_step=_HOW_TO_GO_ON
        ) from error
    told = {key: value for key, value in node.items() if key not in _MADE}
    return {"available_experts": [], "donor_mode": False, **told, "host": host, "port": port}


def _reached_at(endpoint: str) -> tuple[str, int]:
    """Host and port that make the app build the same endpoint again."""
    parts = urlsplit(endpoint)
    if not parts.hostname:
        raise ValueError("that is no URL")
    if parts.scheme == "http" and parts.port and endpoint == f"http://{parts.netloc}":
        # Not parts.hostname, which takes the brackets off an IPv6 address.
        return parts.netloc.rpartition(":")[0], parts.port
    # Behind a tunnel, a node gives a whole URL as its host, and the app takes that as it is.
    return endpoint, parts.port or (443 if parts.scheme == "https" else 80)


@dataclass
class Registry:
    """The nodes that a slot knows.

    Args:
        slot: which.
        systemd: the service manager.
    """

    slot: str
    systemd: Systemd

    def nodes(self) -> list[Node] | None:
        """The nodes; None where the app keeps none, or nothing runs that could know any.

        Raises:
            OpsError: it keeps some, and they cannot be read.
        """
        if self.systemd.show(site.unit(self.slot)).state != "active":
            return None
        answer = self._get()
        if answer.status == 404 or (answer.status == 500 and _NO_COORDINATOR in answer.body.lower()):
            return None
        body = answer.json()
        listed = body.get("nodes") if isinstance(body, dict) else None
        if answer.status != 200 or not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
            raise self._unreadable(quoted(answer, envfile.secrets_of_slots()))
        return listed

    def take(self, nodes: Sequence[Node]) -> None:
        """Register nodes, and see that they are known then.

        Raises:
            OpsError: one was not taken.
        """
        for node in nodes:
            self._register(registration(node))
        if not nodes:
            return
        known = {each.get("node_id") for each in self.nodes() or ()}
        missing = [str(node["node_id"]) for node in nodes if node["node_id"] not in known]
        if missing:
            raise OpsError(
                f"{site.unit(self.slot)} does not list {', '.join(missing)}, which it took a moment before",
                next_step=_HOW_TO_GO_ON,
            )

    def _get(self) -> Answer:
        try:
            return get(_NODES, unix_socket=str(site.socket(self.slot)), headers=self._headers())
        except Unanswered as error:
            raise self._unreadable(f"no answer ({error})") from error

    def _register(self, told: Mapping[str, Any]) -> None:
        try:
            answer = post(_REGISTER, told, unix_socket=str(site.socket(self.slot)), headers=self._headers())
            why = "" if answer.status in (200, 201) else quoted(answer, envfile.secrets_of_slots())
        except Unanswered as error:
            why = f"no answer ({error})"
        if why:
            raise OpsError(
                f"{site.unit(self.slot)} does not take the node {told['node_id']}: {why}", next_step=_HOW_TO_GO_ON
            )

    def _unreadable(self, why: str) -> OpsError:
        return OpsError(f"the nodes that {site.unit(self.slot)} knows cannot be read: {why}", next_step=_HOW_TO_GO_ON)

    def _headers(self) -> dict[str, str]:
        return {"X-API-Key": self._key()}

    def _key(self) -> str:
        """The master key that the process was started with: the file may have another one by now."""
        name = "API_MASTER_KEY"
        pid = self.systemd.show(site.unit(self.slot)).pid
        started_with = atomic.read_text(Path(f"/proc/{pid}/environ")) if pid else None
        for line in (started_with or "").split("\0"):
            if line.startswith(f"{name}="):
                return line.partition("=")[2]
        return envfile.parse(atomic.read_text(site.MASTER_KEY) or "").get(name, "")


def known_ids(slot: str, systemd: Systemd) -> frozenset[str]:
    """The ids of the nodes that a slot knows; none where it does not tell."""
    try:
        return frozenset(str(node.get("node_id")) for node in Registry(slot, systemd).nodes() or ())
    except OpsError:
        return frozenset()


def known_to_live(slot: str, systemd: Systemd, health: Callable[[], Health]) -> list[Node] | None:
    """The nodes that the slot which serves knows; None where there is nothing to carry over.

    Args:
        health: asks that slot how it is.

    Raises:
        OpsError: they cannot be read, although the slot is healthy.
    """
    try:
        return Registry(slot, systemd).nodes()
    except OpsError:
        # A sick process must not keep the way out of it closed: its nodes are of no use to anybody.
        if health().good:
            raise
        return None
