# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from typing import Callable

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import layout, leftovers, slots, start
from ansible_collections.blyan.ops.plugins.module_utils.layout import Layout
from ansible_collections.blyan.ops.plugins.module_utils.steps import Engine
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd
from app import NODE, App, running
from host import Host
from units import Units

from .cut import Died, Planned, Way, cut, left, points, ways
from .samples import BLUE, GREEN, NEW

RETIREMENT = layout.retirement("green")


@pytest.fixture
def planned(host: Host, site: Layout, units: Units, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Planned]]:
    """Plans the start of the new release in green, where it is healthy."""
    monkeypatch.setattr(start.pack, "AGENT", host.etc / "agent.pyz")
    units.states[RETIREMENT] = "active"
    unit = host.etc / "aiblock@.service"
    unit.write_text("old\n")
    files = [slots.HostFile(str(unit), "new\n"), slots.HostFile(str(host.etc / "slots.json"), "{}\n")]
    wanted = slots.Wanted("green", NEW.id, NEW.label, 'A="1"\n', files, b"agent")

    def plan() -> Planned:
        return start.start(
            site,
            wanted,
            systemd=Systemd(),
            health_path="/health",
            health_statuses=[],
            health_timeout=5,
            drain_timeout=0,
            carry_nodes=True,
            progress=lambda text: None,
        )

    with running(App([dict(NODE)]), layout.socket("blue")), running(App(), layout.socket("green")):
        yield plan


@ways
@pytest.mark.parametrize("point", points(start.StartSlot))
def test_a_slot_that_did_not_make_it_is_stopped_and_files_are_as_before(
    engine: Engine,
    host: Host,
    units: Units,
    planned: Callable[[], Planned],
    point: str,
    way: Way,
) -> None:
    cut(engine, planned(), point, way)
    assert (RETIREMENT in units.states) == (point == "slot.keep:before"), "nothing may end the slot later"
    units.states.pop(RETIREMENT, None)
    assert (leftovers.settle(engine) != []) == (way is Died)
    assert units.states == {BLUE: "active"}
    assert (host.etc / "aiblock@.service").read_text() == "old\n"
    assert not (host.etc / "slots.json").exists()
    assert left(engine) == []
    engine.run(*planned())
    assert units.states == {BLUE: "active", GREEN: "active"}
    assert (host.etc / "aiblock@.service").read_text() == "new\n"
    assert not any(BLUE in call for call in units.calls)


def test_a_slot_that_came_to_serve_is_not_stopped_by_what_is_left(
    engine: Engine, site: Layout, units: Units, planned: Callable[[], Planned]
) -> None:
    """Somebody pointed the link at it by hand after the run was killed."""
    cut(engine, planned(), "slot.healthy:before", Died)
    site.live.unlink()
    site.live.symlink_to(layout.socket("green"))
    leftovers.settle(engine)
    assert units.states == {BLUE: "active", GREEN: "active"}


def test_the_record_of_a_start_has_no_secret(engine: Engine, host: Host, planned: Callable[[], Planned]) -> None:
    operation, changes = planned()
    operation.environment = 'KEY="hunter2"\n'
    cut(engine, (operation, changes), "slot.healthy:before", Died)
    (record,) = left(engine)
    assert "hunter2" not in record.read_text()
    assert (host.etc / "master_key.env").read_text().partition("=")[2].strip() not in record.read_text()
