# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPU nodes that the live slot knows are known to the new one before a request reaches it."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from conftest import Serving
from playbook import Playbooks
from site_host import Live, Site, lost

NODES = {"gpu_a": "192.0.2.7", "gpu_b": "https://gpu-b.example/node"}


class Nodes:
    """The registry of the app, seen through the front door.

    Args:
        site: the host.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    def call(self, path: str, value: Any = None) -> Any:
        """Ask the app, which has to answer well."""
        data = None if value is None else json.dumps(value).encode()
        headers = {"X-API-Key": self._site.secrets()[0], "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._site.front}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def register(self) -> None:
        """As the nodes do themselves."""
        for name, host in NODES.items():
            told = {"node_id": name, "host": host, "port": 8001, "available_experts": [f"layer_{name}"]}
            self.call("/p2p/register", {**told, "donor_mode": name == "gpu_a"})

    def known(self) -> dict[str, tuple[str, list[str], bool]]:
        """Endpoint, experts and donor mode of each node."""
        listed = self.call("/p2p/nodes")["nodes"]
        return {each["node_id"]: (each["endpoint"], each["available_experts"], each["donor_mode"]) for each in listed}


KNOWN = {
    "gpu_a": ("http://192.0.2.7:8001", ["layer_gpu_a"], True),
    "gpu_b": ("https://gpu-b.example/node", ["layer_gpu_b"], False),
}


@pytest.fixture
def nodes(site: Site, serving: Serving) -> Nodes:
    """The first version serves, and knows two nodes."""
    serving("v1")
    nodes = Nodes(site)
    nodes.register()
    assert nodes.known() == KNOWN
    return nodes


def now(site: Site) -> Live:
    live = site.live()
    assert live is not None
    return live


@contextmanager
def watched(nodes: Nodes) -> Iterator[list[Any]]:
    """What was known in the length of a block, each thing once."""
    seen: list[Any] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.1):
            found = nodes.known()
            if found not in seen:
                seen.append(found)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join(30)


def deploy(site: Site, play: Playbooks) -> None:
    play("deploy", deploy_version="v2")


def rollback(site: Site, play: Playbooks) -> None:
    play("rollback")


def restart(site: Site, play: Playbooks) -> None:
    play("restart")


def systemctl_restart(site: Site, play: Playbooks) -> None:
    site.shell("systemctl restart aiblock")


@pytest.mark.parametrize("move", [deploy, rollback, restart, systemctl_restart], ids=lambda move: str(move.__name__))
def test_there_is_no_moment_without_them(
    site: Site, play: Playbooks, serving: Serving, nodes: Nodes, move: Callable[[Site, Playbooks], None]
) -> None:
    if move is rollback:
        serving("v2")
        serving("v1")
        nodes.register()
    before = now(site)
    with watched(nodes) as seen:
        move(site, play)
        site.wait_for("the other slot serves", lambda: now(site).slot != before.slot)
        nodes.known()
    assert seen == [KNOWN]
    assert nodes.known() == KNOWN


def test_a_version_that_takes_no_nodes_does_not_serve(site: Site, play: Playbooks, nodes: Nodes) -> None:
    old = now(site)
    with site.load() as load:
        refused = play("deploy", deploy_version="no-coordinator", code=2)
    assert refused.host["phase"] == "Start it in the idle slot"
    assert "does not take the node gpu_a: HTTP 500" in refused.message
    assert "Distributed coordinator not initialized" in refused.message
    assert "set deploy_carry_nodes: false" in refused.message
    assert lost(load.result) == {}
    assert now(site) == old
    assert nodes.known() == KNOWN
    assert site.unclean() == []
    play("deploy", deploy_version="no-coordinator", deploy_carry_nodes=False)
    assert now(site).version == "no-coordinator"


def test_the_way_out_of_a_version_whose_coordinator_did_not_come_up_is_open(
    site: Site, play: Playbooks, nodes: Nodes
) -> None:
    old = now(site)
    play("deploy", deploy_version="no-coordinator", deploy_carry_nodes=False)
    play("rollback")
    assert now(site).release == old.release


def test_the_way_out_of_a_version_that_does_not_answer_is_open(site: Site, play: Playbooks, nodes: Nodes) -> None:
    serving = now(site)
    site.shell(f"kill -STOP {serving.pid}")
    try:
        play("deploy", deploy_version="v2")
    finally:
        site.shell(f"kill -CONT {serving.pid} || true")
    assert now(site).version == "v2"
    assert nodes.known() == {}


def test_after_a_change_of_the_master_key_the_live_slot_is_asked_with_its_own(
    site: Site, play: Playbooks, nodes: Nodes
) -> None:
    key = site.secrets()[0]
    site.shell("umask 077; echo API_MASTER_KEY=another-key-of-the-host > /etc/blyan/master_key.env")
    try:
        play("restart")
        assert nodes.known() == KNOWN
    finally:
        site.shell("umask 077; cat > /etc/blyan/master_key.env", stdin=f"API_MASTER_KEY={key}\n")
        play("restart")
    assert nodes.known() == KNOWN


def test_they_are_carried_over_unless_that_is_switched_off(site: Site, play: Playbooks, nodes: Nodes) -> None:
    play("restart", deploy_carry_nodes=False)
    assert nodes.known() == {}
