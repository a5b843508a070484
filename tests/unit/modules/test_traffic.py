# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils.layout import Layout
from ansible_collections.blyan.ops.plugins.module_utils.releases import Records, Release
from ansible_collections.blyan.ops.plugins.modules import traffic
from host import Host
from servers import answer, served
from units import Units

OLD = Release("r1", "a" * 40, "v1", "venv", "good", "t", "anna@desk")
NEW = Release("r2", "b" * 40, "v2", "venv", "building", "t", "anna@desk", replaced="r1")
BLUE, GREEN, WATCH = "aiblock@blue.service", "aiblock@green.service", "aiblock.service"


@pytest.fixture(autouse=True)
def _blue_serves(host: Host, units: Units) -> None:
    """The old release serves from blue, and the new one is up in green."""
    layout = Layout(host.root)
    layout.records.mkdir()
    for each in (OLD, NEW):
        Records(layout).save(each)
    layout.live.symlink_to(host.sockets / "blue.sock")
    layout.current.symlink_to(layout.release("r1"))
    for slot, release in (("blue", "r1"), ("green", "r2")):
        layout.slot(slot).parent.mkdir(exist_ok=True)
        layout.slot(slot).symlink_to(layout.release(release))
    units.states.update({BLUE: "active", GREEN: "active", WATCH: "active"})
    units.enabled.update({BLUE, WATCH})


def call(
    host: Host, front: str, *, check: bool = False, slot: str = "green", release: Release = NEW, keep_warm: str = "0s"
) -> dict[str, Any]:
    given_release = {name: value for name, value in asdict(release).items() if value != ""}
    given = {"root": str(host.root), "release": given_release, "slot": slot, "front_url": front, "timeout": "0.2s"}
    given["keep_warm"] = keep_warm
    return host.call(traffic.main, check, **given)


def switch(host: Host, release: str = "r2", slot: str = "green", *, check: bool = False) -> dict[str, Any]:
    """Switch to green while the front door shows this release in this slot."""
    shows = answer("200 OK", b'{"status": "ok"}', f"X-Blyan-Release: {release}", f"X-Blyan-Slot: {slot}")
    with served(shows) as (url, _heads):
        return call(host, url, check=check)


def links(host: Host) -> tuple[str, str]:
    return (host.root / "live.sock").readlink().name, (host.root / "current").readlink().name


def test_the_new_release_serves(host: Host, units: Units) -> None:
    result = switch(host)
    assert links(host) == ("green.sock", "r2")
    assert (result["live"]["id"], result["live"]["slot"], result["live"]["state"]) == ("r2", "green", "good")
    assert result["live"]["live_by"] == "anna@desk"
    assert result["previous"] == "r1"
    assert units.states == {GREEN: "active", WATCH: "active"}
    assert units.enabled == {GREEN, WATCH}
    assert host.holder() == ""


def test_the_record_has_the_schema(host: Host, units: Units) -> None:
    """The migrations ran on another host."""
    with served(answer("200 OK", b'{"status": "healthy"}', "X-Blyan-Release: r2", "X-Blyan-Slot: green")) as (
        url,
        _heads,
    ):
        live = call(host, url, release=replace(NEW, schema_before="1", schema_after="2"))["live"]
    assert (live["schema_before"], live["schema_after"]) == ("1", "2")


def test_again_there_is_nothing_to_do(host: Host, units: Units) -> None:
    switch(host)
    units.calls.clear()
    assert not switch(host)["changed"]
    assert units.calls == []


def test_check_mode_tells_the_same_and_writes_nothing(host: Host, units: Units) -> None:
    before = host.files()
    told = switch(host, check=True)
    assert host.files() == before
    assert units.calls == []
    assert told["diff"] == switch(host)["diff"]


def test_it_is_proven_by_several_answers(host: Host, units: Units) -> None:
    shows = answer("200 OK", b'{"status": "ok"}', "X-Blyan-Release: r2", "X-Blyan-Slot: green")
    with served(shows) as (url, heads):
        assert call(host, url)["changed"]
    assert len(heads) == 3
    assert all(head.startswith("GET /health ") for head in heads)


@pytest.mark.parametrize("boots", [{BLUE, GREEN, WATCH}, {WATCH}, set()], ids=["both", "neither", "nothing"])
def test_the_slot_that_serves_is_the_one_started_at_boot(host: Host, units: Units, boots: set[str]) -> None:
    switch(host)
    units.enabled = boots
    assert switch(host)["changed"]
    assert units.enabled == {GREEN, WATCH}


def test_the_service_that_people_look_at_runs(host: Host, units: Units) -> None:
    switch(host)
    units.states[WATCH] = "failed"
    assert switch(host)["changed"]
    assert units.states == {GREEN: "active", WATCH: "active"}


@pytest.mark.parametrize(("release", "slot"), [("r1", "green"), ("r2", "blue"), ("", "")])
def test_a_front_door_that_shows_another_sends_the_link_back(host: Host, units: Units, release: str, slot: str) -> None:
    result = switch(host, release, slot)
    assert "the front door does not show release bbbbbbb (v2) in green" in result["reason"]
    assert links(host) == ("blue.sock", "r1")
    assert units.calls == []
    record = Records(Layout(host.root)).get("r2")
    assert record is not None
    assert record.state == "building"


def test_what_the_front_door_says_is_told_without_secrets(host: Host, units: Units) -> None:
    (host.etc / "site.env").write_text("DATABASE_URL=postgresql://blyan:s3cretpw@db/blyan\n")
    with served(answer("503 No", b"no database at postgresql://blyan:s3cretpw@db/blyan")) as (url, _heads):
        result = call(host, url)
    assert "HTTP 503 no database at ***" in result["reason"]
    assert "s3cretpw" not in json.dumps(result) + json.dumps(host.journal())


def test_the_old_slot_is_kept_warm(host: Host, units: Units) -> None:
    shows = answer("200 OK", b'{"status": "ok"}', "X-Blyan-Release: r2", "X-Blyan-Slot: green")
    with served(shows) as (url, _heads):
        assert call(host, url, keep_warm="5m")["changed"]
        assert units.states[BLUE] == "active"
        assert units.calls[-1] == "in 300s retire blue"
        assert not call(host, url, keep_warm="5m")["changed"]


def test_a_slot_that_another_run_has_used_since_is_refused(host: Host, units: Units) -> None:
    green = Layout(host.root).slot("green")
    green.unlink()
    green.symlink_to(Layout(host.root).release("r3"))
    assert switch(host)["reason"] == "the slot green holds release r3 and not r2"
    assert links(host) == ("blue.sock", "r1")


def test_a_silent_front_door_sends_the_link_back(host: Host, units: Units) -> None:
    assert "connection refused" in call(host, "http://127.0.0.1:1")["reason"]
    assert links(host) == ("blue.sock", "r1")


def test_the_first_release_fails_to_a_bare_host(host: Host, units: Units) -> None:
    for name in ("live.sock", "current"):
        (host.root / name).unlink()
    assert call(host, "http://127.0.0.1:1")["failed"]
    assert not any(Path(host.root / name).is_symlink() for name in ("live.sock", "current"))


def test_a_release_of_before_keeps_when_it_was_made(host: Host, units: Units) -> None:
    """A rollback changes since when it is live, not what it replaced."""
    Records(Layout(host.root)).change("r2", state="good", replaced="r0", live_since="2020-01-01T00:00:00Z")
    live = switch(host)["live"]
    assert live["replaced"] == "r0"
    assert live["live_since"] > "2020-01-01T00:00:00Z"
