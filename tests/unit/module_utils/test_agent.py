# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Callable

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import agent, layout, runner, traffic
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.health import Health
from ansible_collections.blyan.ops.plugins.module_utils.layout import Layout
from ansible_collections.blyan.ops.plugins.module_utils.lock import Lock
from ansible_collections.blyan.ops.plugins.module_utils.run import Run
from ansible_collections.blyan.ops.plugins.module_utils.shell import Completed
from app import NODE, App, running
from host import Host
from servers import answer, served
from units import Units

from .samples import BLUE, GREEN, OLD

JOBS = """\
4411 aiblock.service      restart running
4412 aiblock@blue.service stop    waiting
"""


@pytest.mark.parametrize(
    ("listing", "unit", "kind"),
    [
        (JOBS, "aiblock.service", "restart"),
        (JOBS, "aiblock@blue.service", "stop"),
        (JOBS, "aiblock@green.service", ""),
        (JOBS, "blue.service", ""),
        ("", "aiblock.service", ""),
        ("\nNo jobs running.\n", "running.", ""),
    ],
)
def test_job_of(listing: str, unit: str, kind: str) -> None:
    assert agent.job_of(listing, unit) == kind


@pytest.fixture
def settings(host: Host, site: Layout, monkeypatch: pytest.MonkeyPatch) -> agent.Settings:
    """The settings of a host on which the old release serves from blue."""
    monkeypatch.setattr(agent, "STATE", host.state)
    host.state.mkdir()
    return agent.Settings(str(host.root), "http://127.0.0.1:1", "/health", [], 1.0, 0.0, True)


def test_settings_are_those_of_the_role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "CONFIGURATION", tmp_path / "slots.json")
    with pytest.raises(OpsError, match=r"slots\.json is missing"):
        agent.Settings.read()
    text = '"root": "/srv/x", "front_url": "u", "health_path": "/h", "health_statuses": ["ok"], "validate_certs": false'
    (tmp_path / "slots.json").write_text(f'{{{text}, "health_timeout": "2m", "drain_timeout": "30s"}}')
    assert agent.Settings.read() == agent.Settings("/srv/x", "u", "/h", ["ok"], 120.0, 30.0, False)


def test_a_restart_goes_through_the_other_slot(
    host: Host, site: Layout, units: Units, settings: agent.Settings
) -> None:
    told = answer("200 OK", b"{}", f"X-Blyan-Release: {OLD.id}", "X-Blyan-Slot: green")
    with served(told) as (url, _heads), served(told, host.sockets / "green.sock"):
        agent.swap(replace(settings, front_url=url))
    assert site.live_slot() == "green"
    assert units.states == {GREEN: "active", "aiblock.service": "active"}
    assert host.holder() == ""
    (line,) = host.journal()
    assert (line["what"], line["outcome"]) == ("systemctl restart aiblock", "done")


def test_a_restart_carries_the_nodes_over(host: Host, site: Layout, units: Units, settings: agent.Settings) -> None:
    told = answer("200 OK", b"{}", f"X-Blyan-Release: {OLD.id}", "X-Blyan-Slot: green")
    blue, green = host.sockets / "blue.sock", host.sockets / "green.sock"
    with served(told) as (url, _heads), running(App([dict(NODE)]), blue), running(App(), green) as app:
        agent.swap(replace(settings, front_url=url))
    assert [each["node_id"] for each in app.nodes] == ["gpu_a"]


def test_a_restart_that_fails_leaves_what_serves_and_gives_the_lock_back(
    host: Host, site: Layout, units: Units, settings: agent.Settings
) -> None:
    units.restarts[GREEN] = 1
    with pytest.raises(OpsError, match="ended while it started"):
        agent.swap(settings)
    assert site.live_slot() == "blue"
    assert units.states == {BLUE: "active"}
    assert host.holder() == ""
    assert host.journal()[0]["outcome"].startswith("failed: ")


def test_a_restart_that_the_front_door_does_not_show_is_taken_back(
    host: Host, site: Layout, units: Units, settings: agent.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def show_nothing(door: traffic.FrontDoor) -> Health:
        raise OpsError("the front door does not show it", next_step="look")

    monkeypatch.setattr(traffic.FrontDoor, "look", show_nothing)
    with served(answer("200 OK", b"{}"), host.sockets / "green.sock"), pytest.raises(OpsError, match="front door"):
        agent.swap(settings)
    assert site.live_slot() == "blue"
    assert units.states == {BLUE: "active"}
    assert (host.root / "releases" / OLD.id).is_dir()
    assert host.holder() == ""


def test_a_restart_during_a_deploy_is_refused(host: Host, units: Units, settings: agent.Settings) -> None:
    Lock(host.state).acquire(Run("run-1", "anna@desk", "deploy"))
    with pytest.raises(OpsError, match="held: deploy by anna@desk"):
        agent.swap(settings)
    assert units.calls == []
    assert host.holder() == "run-1"


def test_nothing_live_cannot_be_restarted(host: Host, site: Layout, units: Units, settings: agent.Settings) -> None:
    site.live.unlink()
    with pytest.raises(OpsError, match="no release is live"):
        agent.swap(settings)
    assert not (host.state / "journal.jsonl").exists()
    assert host.holder() == ""


def served_until(
    count: int, monkeypatch: pytest.MonkeyPatch, settings: agent.Settings, between: Callable[[], object]
) -> list[str]:
    """What systemd is told by a restart of the service, which is ended after so many states."""
    told: list[str] = []
    handlers: list[Callable[[], None]] = []

    def notify(text: str) -> None:
        told.append(text.partition("STATUS=")[2])
        if len(told) == count:
            handlers[0]()
        else:
            between()

    monkeypatch.setattr(agent, "_notify", notify)
    monkeypatch.setattr(agent, "_WATCH_SECONDS", 0.01)
    monkeypatch.setattr(agent.signal, "signal", lambda number, handler: handlers.append(handler))
    agent._SWAP_ASKED.touch()
    agent.serve(settings)
    return told


@pytest.fixture
def _asked(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "_SWAP_ASKED", host.sockets / ".restart")


@pytest.mark.usefixtures("_asked", "units")
def test_a_restart_that_was_refused_is_told_until_the_other_slot_serves(
    host: Host, site: Layout, settings: agent.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    Lock(host.state).acquire(Run("run-1", "anna@desk", "deploy"))
    slots = iter(["green", "blue"])

    def switch() -> None:
        site.live.unlink()
        site.live.symlink_to(host.sockets / f"{next(slots)}.sock")

    first, second, third = served_until(3, monkeypatch, settings, switch)
    assert first.startswith("not restarted: the lock of this host is held: deploy by anna@desk since ")
    assert f"; blue with {OLD.id} (v1) is NOT healthy" in first
    assert second.startswith("green with an unknown release")
    assert third.startswith(f"blue with {OLD.id} (v1)")


@pytest.mark.usefixtures("_asked", "units")
def test_a_full_disk_neither_ends_the_service_nor_hides_that_it_was_not_restarted(
    settings: agent.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(agent, "_swap", full)
    (told,) = served_until(1, monkeypatch, settings, lambda: None)
    assert told.startswith("not restarted: [Errno 28] No space left on device; blue ")


def test_a_restart_that_the_journal_cannot_take_was_made(
    host: Host, site: Layout, units: Units, settings: agent.Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    (host.state / "journal.jsonl").mkdir()
    told = answer("200 OK", b"{}", f"X-Blyan-Release: {OLD.id}", "X-Blyan-Slot: green")
    with served(told) as (url, _heads), served(told, host.sockets / "green.sock"):
        agent.swap(replace(settings, front_url=url))
    assert site.live_slot() == "green"
    assert "this is missing in the journal of this host, which cannot be written" in capsys.readouterr().out


@pytest.mark.parametrize(("slot", "calls"), [("blue", []), ("green", [f"stop {GREEN}"])])
def test_a_warm_slot_ends_unless_it_serves_again(
    host: Host, units: Units, settings: agent.Settings, slot: str, calls: list[str]
) -> None:
    agent.retire(settings, slot)
    assert units.calls == calls
    assert host.holder() == ""


def test_a_warm_slot_does_not_end_under_a_run(
    host: Host, units: Units, settings: agent.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "_LONGEST_RUN", 0.0)
    Lock(host.state).acquire(Run("run-1", "anna@desk", "deploy"))
    with pytest.raises(OpsError, match="held: deploy by anna@desk"):
        agent.retire(settings, "green")
    assert units.calls == []


@pytest.mark.parametrize(
    ("kind", "calls", "asked"),
    [
        ("stop", [f"stop {BLUE}", f"stop {GREEN}"], False),
        ("restart", [], True),
        ("start", [], False),
        ("", [], False),
    ],
)
def test_stopping_the_service_ends_the_slots_unless_it_restarts(
    host: Host,
    units: Units,
    settings: agent.Settings,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    calls: list[str],
    asked: bool,
) -> None:
    jobs = f"1 aiblock.service {kind} running\n" if kind else ""
    monkeypatch.setattr(agent.Shell, "run", lambda shell, argv: Completed(0, jobs))
    asked_for = host.progress / "restart"
    monkeypatch.setattr(agent, "_SWAP_ASKED", asked_for)
    agent.stop(settings)
    assert units.calls == calls
    assert asked_for.exists() == asked


def test_the_app_cannot_turn_what_root_writes_elsewhere() -> None:
    """/run/aiblock belongs to the app's user."""
    assert not agent._SWAP_ASKED.is_relative_to(layout.SOCKETS)
    assert agent._SWAP_ASKED.parent == runner.PROGRESS


def test_an_app_that_was_deployed_by_hand_ends_and_is_not_restarted(
    host: Host, units: Units, settings: agent.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the process of the unit until its host was taken over and the unit restarts."""
    ended: list[tuple[int, float]] = []
    monkeypatch.setenv("MAINPID", "100")
    monkeypatch.setattr(agent.Shell, "run", lambda shell, argv: Completed(0, "1 aiblock.service restart running\n"))
    monkeypatch.setattr(agent, "_SWAP_ASKED", host.sockets / ".restart")
    monkeypatch.setattr(agent.by_hand, "is_app", lambda pid: pid == 100)
    monkeypatch.setattr(agent.by_hand, "end", lambda pid, timeout: ended.append((pid, timeout)))
    agent.stop(settings)
    assert ended == [(100, settings.drain_timeout)]
    assert not (host.sockets / ".restart").exists()


def test_the_state_names_release_and_health(host: Host, site: Layout, settings: agent.Settings) -> None:
    assert (
        agent._state(settings, site) == f"blue with {OLD.id} (v1) is NOT healthy: no answer (its socket is not there)"
    )
    with served(answer("200 OK"), host.sockets / "blue.sock"):
        assert agent._state(settings, site) == f"blue serves {OLD.id} (v1)"
    site.live.unlink()
    assert agent._state(settings, site) == "no release is live"


def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        agent._notify("READY=1\nSTATUS=blue serves r1")
        listener.settimeout(10)
        assert listener.recv(1000) == b"READY=1\nSTATUS=blue serves r1"
