# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import registry
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.registry import Registry
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd
from app import NODE, App, running
from host import Host
from units import Units

from .samples import BLUE, HEALTHY, RUNNING, SILENT


@pytest.fixture
def blue(host: Host, units: Units) -> Registry:
    units.states[BLUE] = "active"
    (host.etc / "master_key.env").write_text("API_MASTER_KEY=the-key\n")
    return Registry("blue", Systemd())


@pytest.mark.parametrize(
    ("endpoint", "host", "port"),
    [
        ("http://192.0.2.7:8001", "192.0.2.7", 8001),
        ("http://gpu-a.lan:80", "gpu-a.lan", 80),
        ("http://[2001:db8::7]:8001", "[2001:db8::7]", 8001),
        ("https://gpu-a.example", "https://gpu-a.example", 443),
        ("https://gpu-a.example:8443/n", "https://gpu-a.example:8443/n", 8443),
        ("http://tunnel.example/gpu-a", "http://tunnel.example/gpu-a", 80),
        ("http://tunnel.example:8001/gpu-a", "http://tunnel.example:8001/gpu-a", 8001),
    ],
)
def test_a_node_is_reached_where_it_was(endpoint: str, host: str, port: int) -> None:
    told = registry.registration({**NODE, "endpoint": endpoint})
    assert (told["host"], told["port"]) == (host, port)


def test_what_the_node_told_is_told_again_and_what_the_app_made_is_not() -> None:
    assert registry.registration({**NODE, "resource_limits": {"gb": 8}}) == {
        "node_id": "gpu_a",
        "host": "192.0.2.7",
        "port": 8001,
        "available_experts": ["layer_0"],
        "donor_mode": True,
        "resource_limits": {"gb": 8},
    }


@pytest.mark.parametrize(
    "node",
    [
        {},
        {"node_id": "", "endpoint": "http://h:1"},
        {"node_id": 7, "endpoint": "http://h:1"},
        {"node_id": "a"},
        {"node_id": "a", "endpoint": "192.0.2.7:8001"},
        {"node_id": "a", "endpoint": "http://h:99999"},
        {"node_id": "a", "endpoint": "http://[::1"},
    ],
)
def test_a_node_that_cannot_be_told_of_is_named(node: dict[str, Any]) -> None:
    with pytest.raises(OpsError, match="the live slot lists a node") as caught:
        registry.registration(node)
    assert "deploy_carry_nodes: false" in caught.value.next_step


def test_the_nodes_of_a_slot_with_the_key_of_the_host(host: Host, blue: Registry) -> None:
    with running(App([NODE], key="the-key"), host.sockets / "blue.sock"):
        assert blue.nodes() == [NODE]


def test_the_key_is_the_one_that_the_process_was_started_with(
    host: Host, blue: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file has another by now, which only the next start will know."""
    argv = [sys.executable, "-c", "print(flush=True); input()"]
    with (
        subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": os.defpath, "API_MASTER_KEY": "the=old-key"},
        ) as process,
        running(App([NODE], key="the=old-key"), host.sockets / "blue.sock"),
    ):
        assert process.stdout is not None
        process.stdout.readline()
        monkeypatch.setattr(Systemd, "show", lambda systemd, unit: replace(RUNNING, pid=process.pid))
        assert blue.nodes() == [NODE]
        process.communicate(b"\n")


@pytest.mark.parametrize(
    "listing",
    [(404, {"detail": "Not Found"}), (500, {"detail": "Distributed coordinator not initialized"})],
    ids=["an app without", "a coordinator that did not come up"],
)
def test_an_app_that_knows_no_nodes(host: Host, blue: Registry, listing: tuple[int, Any]) -> None:
    with running(App(listing=listing), host.sockets / "blue.sock"):
        assert blue.nodes() is None


def test_what_does_not_run_knows_none(units: Units, blue: Registry) -> None:
    units.states.clear()
    assert blue.nodes() is None


@pytest.mark.parametrize(
    ("listing", "why"),
    [
        ((401, {"detail": "Invalid or missing API key"}), "HTTP 401"),
        ((500, {"detail": "boom"}), "HTTP 500 .*boom"),
        ((200, []), "HTTP 200"),
        ((200, {"nodes": {}}), "HTTP 200"),
        ((200, {"nodes": ["a"]}), "HTTP 200"),
    ],
)
def test_nodes_that_cannot_be_read(host: Host, blue: Registry, listing: tuple[int, Any], why: str) -> None:
    with (
        running(App(listing=listing), host.sockets / "blue.sock"),
        pytest.raises(OpsError, match=f"the nodes that {BLUE} knows cannot be read: {why}") as caught,
    ):
        blue.nodes()
    assert "the-key" not in caught.value.message()
    assert registry.known_ids("blue", Systemd()) == frozenset()


def test_a_sick_live_slot_does_not_keep_a_release_out(blue: Registry) -> None:
    """Nothing listens on its socket."""
    assert registry.known_to_live("blue", Systemd(), lambda: SILENT) is None
    with pytest.raises(OpsError, match="no answer"):
        registry.known_to_live("blue", Systemd(), lambda: HEALTHY)


def test_nodes_are_taken(host: Host, blue: Registry) -> None:
    other = {**NODE, "node_id": "gpu_b", "endpoint": "http://192.0.2.8:8001"}
    with running(App(key="the-key"), host.sockets / "blue.sock") as app:
        blue.take([NODE, other])
    assert [each["node_id"] for each in app.registered] == ["gpu_a", "gpu_b"]


def test_none_to_take_is_nothing_to_ask(blue: Registry) -> None:
    blue.take([])


@pytest.mark.parametrize(
    ("app", "why"),
    [
        (App(registering=(500, {"detail": "Distributed coordinator not initialized"})), "gpu_a: HTTP 500 .*not init"),
        (App(registering=(422, {"detail": "port"})), "gpu_a: HTTP 422"),
        (App(forgets=True), "does not list gpu_a"),
        (App(listing=(404, {}), forgets=True), "does not list gpu_a"),
    ],
    ids=["no coordinator", "not as it wants it", "forgets it", "lists none"],
)
def test_a_slot_that_does_not_take_a_node(host: Host, blue: Registry, app: App, why: str) -> None:
    with running(app, host.sockets / "blue.sock"), pytest.raises(OpsError, match=why) as caught:
        blue.take([NODE])
    assert "deploy_carry_nodes: false" in caught.value.next_step


def test_a_slot_that_does_not_answer_takes_no_node(blue: Registry) -> None:
    with pytest.raises(OpsError, match=f"{BLUE} does not take the node gpu_a: no answer"):
        blue.take([NODE])
