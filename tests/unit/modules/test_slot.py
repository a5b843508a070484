# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import envfile, pack
from ansible_collections.blyan.ops.plugins.modules import slot
from app import NODE, App, running
from host import Host
from servers import answer, served
from units import Units

RELEASE = {"id": "r2", "commit": "b" * 40, "version": "v2"}
BLUE, GREEN = "aiblock@blue.service", "aiblock@green.service"
SECRETS = {"DATABASE_URL": "postgresql://blyan:hunter2@h/d"}


@pytest.fixture
def healthy(host: Host) -> Iterator[None]:
    """The app answers in the blue slot."""
    with served(answer("200 OK", b'{"status": "healthy"}'), host.sockets / "blue.sock"):
        yield


@pytest.fixture(autouse=True)
def _as_provision_leaves_it(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    (host.etc / "slots").mkdir()
    monkeypatch.setattr(pack, "AGENT", host.etc / "agent.pyz")


def call(host: Host, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
    files = [{"path": f"{host.etc}/aiblock@.service", "content": "[Service]\n"}]
    given = {"root": str(host.root), "release": RELEASE, "health_timeout": "0.2s", "files": files}
    environment = {"environment": {"WORKERS": 2}, "secrets": json.dumps(SECRETS)}
    return host.call(slot.main, check, **{**given, **environment, **arguments})


@pytest.mark.usefixtures("healthy")
def test_a_release_comes_up_in_the_idle_slot(host: Host, units: Units) -> None:
    result = call(host)
    assert (result["slot"], result["changed"]) == ("blue", True)
    assert units.states == {BLUE: "active"}
    assert (host.root / "slots" / "blue").readlink() == host.root / "releases" / "r2"
    assert (host.etc / "aiblock@.service").read_text() == "[Service]\n"
    assert (host.etc / "agent.pyz").exists()


@pytest.mark.usefixtures("healthy")
def test_again_there_is_nothing_to_do(host: Host, units: Units) -> None:
    call(host)
    before = units.calls[:]
    assert not call(host)["changed"]
    assert units.calls == before


@pytest.mark.usefixtures("healthy")
def test_only_root_reads_the_environment_and_the_key(host: Host, units: Units) -> None:
    call(host)
    environment, key = host.etc / "slots" / "blue.env", host.etc / "master_key.env"
    assert envfile.parse(environment.read_text()) == {"WORKERS": "2", **SECRETS}
    assert [each.stat().st_mode & 0o777 for each in (environment, key)] == [0o600, 0o600]
    name, _equals, value = key.read_text().partition("=")
    assert name == "API_MASTER_KEY"
    assert len(value.strip()) >= 43


@pytest.mark.usefixtures("healthy")
def test_the_key_is_made_once(host: Host, units: Units) -> None:
    (host.etc / "master_key.env").write_text("API_MASTER_KEY=given\n")
    call(host)
    assert (host.etc / "master_key.env").read_text() == "API_MASTER_KEY=given\n"


@pytest.mark.usefixtures("healthy")
def test_no_secret_leaves_the_host(host: Host, units: Units) -> None:
    result = call(host)
    key = (host.etc / "master_key.env").read_text().partition("=")[2].strip()
    for text in (json.dumps(result), json.dumps(host.journal())):
        assert "hunter2" not in text
        assert key not in text


@pytest.mark.usefixtures("healthy")
def test_check_mode_tells_the_same_and_writes_nothing(host: Host, units: Units) -> None:
    before = host.files()
    told = call(host, check=True)
    assert host.files() == before
    assert units.calls == []
    assert told["diff"] == call(host)["diff"]


def test_one_that_is_not_healthy_is_taken_back(host: Host, units: Units) -> None:
    (host.etc / "aiblock@.service").write_text("old\n")
    units.journal = ["Traceback", f"cannot connect to {SECRETS['DATABASE_URL']}"]
    result = call(host)
    assert f"{BLUE} with release bbbbbbb (v2) was not healthy within 0s" in result["reason"]
    assert result["details"][:2] == ["Traceback", "cannot connect to ***"]
    assert units.states == {}
    assert (host.etc / "aiblock@.service").read_text() == "old\n"
    assert list((host.state / "steps").iterdir()) == []


def test_what_an_unhealthy_slot_says_is_told_without_secrets(host: Host, units: Units) -> None:
    says = f"no database at {SECRETS['DATABASE_URL']}".encode()
    with served(answer("503 Service Unavailable", says), host.sockets / "blue.sock"):
        result = call(host)
    assert "HTTP 503 no database at ***" in result["reason"]
    assert SECRETS["DATABASE_URL"] not in json.dumps(result) + json.dumps(host.journal())


def test_one_that_ends_while_it_starts_is_not_waited_for(host: Host, units: Units) -> None:
    units.restarts[BLUE] = 1
    result = call(host, health_timeout="10m")
    assert "ended while it started" in result["reason"]
    assert units.states == {}


@pytest.mark.usefixtures("healthy")
def test_a_slot_that_was_made_ready_is_only_started(host: Host, units: Units) -> None:
    assert call(host)["changed"]
    units.states.clear()
    result = call(host, prepared=True)
    assert [each["after_header"] for each in result["diff"]] == [BLUE, f"health of {BLUE}"]


def test_the_slot_that_serves_is_left_alone(host: Host, units: Units) -> None:
    (host.root / "live.sock").symlink_to(host.sockets / "blue.sock")
    units.states[BLUE] = "active"
    with served(answer("200 OK", b'{"status": "healthy"}'), host.sockets / "green.sock"):
        assert call(host)["slot"] == "green"
    assert not any(BLUE in each for each in units.calls)


def test_the_environment_of_the_live_slot_is_taken_over(host: Host, units: Units) -> None:
    (host.root / "live.sock").symlink_to(host.sockets / "blue.sock")
    (host.etc / "slots" / "blue.env").write_text('A="1"\n')
    with served(answer("200 OK", b'{"status": "healthy"}'), host.sockets / "green.sock"):
        call(host, environment=None, secrets=None, files=[])
    assert (host.etc / "slots" / "green.env").read_text() == 'A="1"\n'


@pytest.fixture
def live(host: Host, units: Units) -> Iterator[App]:
    """The app serves from blue, and knows a node."""
    (host.root / "live.sock").symlink_to(host.sockets / "blue.sock")
    units.states[BLUE] = "active"
    with running(App([dict(NODE)]), host.sockets / "blue.sock") as app:
        yield app


def test_nodes_of_the_live_slot_are_carried_over_last(host: Host, units: Units, live: App) -> None:
    with running(App(), host.sockets / "green.sock") as app:
        told = call(host, check=True)
        assert app.nodes == []
        result = call(host)
        assert [each["node_id"] for each in app.nodes] == ["gpu_a"]
        assert not call(host)["changed"]
        live.nodes.append({**NODE, "node_id": "gpu_b"})
        assert [each["after_header"] for each in call(host)["diff"]] == [f"GPU nodes known to {GREEN}"]
    assert [each["node_id"] for each in app.nodes][-1] == "gpu_b"
    assert result["diff"] == told["diff"]
    assert result["diff"][-1]["after"] == "nodes: the 1 of the live slot\n"


def test_no_node_is_carried_over_where_that_is_not_wanted(host: Host, units: Units, live: App) -> None:
    with running(App(), host.sockets / "green.sock") as app:
        call(host, carry_nodes=False)
    assert app.nodes == []


def test_a_slot_that_does_not_take_a_node_is_taken_back(host: Host, units: Units, live: App) -> None:
    with running(App(registering=(500, {})), host.sockets / "green.sock"):
        result = call(host)
    assert "does not take the node gpu_a: HTTP 500" in result["reason"]
    assert units.states == {BLUE: "active"}


def test_nodes_that_cannot_be_read_keep_the_slot_from_starting(host: Host, units: Units, live: App) -> None:
    live.listing = (401, {})
    with running(App(), host.sockets / "green.sock"):
        assert f"the nodes that {BLUE} knows cannot be read: HTTP 401" in call(host)["reason"]
    assert units.calls == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"health_timeout": "soon"}, "health_timeout is 'soon'"),
        ({"environment": {"1A": "x"}}, "not a variable's name"),
        ({"secrets": "[]"}, "the secrets are not a JSON object"),
    ],
)
def test_a_refusal_changes_nothing(host: Host, units: Units, arguments: dict[str, Any], reason: str) -> None:
    assert reason in call(host, **arguments)["reason"]
    assert units.calls == []
    assert host.journal() == []
