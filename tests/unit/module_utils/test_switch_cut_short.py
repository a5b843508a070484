# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import leftovers, traffic
from ansible_collections.blyan.ops.plugins.module_utils.layout import Layout
from ansible_collections.blyan.ops.plugins.module_utils.releases import Records
from ansible_collections.blyan.ops.plugins.module_utils.steps import Engine
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd
from servers import answer, served
from units import Units

from .cut import Died, Planned, cut, failed, left, points
from .samples import BLUE, GREEN, NEW, OLD

NOBODY = "http://127.0.0.1:1"
BEFORE, AFTER = ("blue", OLD.id), ("green", NEW.id)
POINTS = points(traffic.Switch)
COMMITTED = {f"traffic.{step}:{side}" for step in ("boot", "drain") for side in ("before", "after")}


@pytest.fixture
def front() -> Iterator[str]:
    """The front door shows the new release in green."""
    headers = [f"X-Blyan-Release: {NEW.id}", "X-Blyan-Slot: green"]
    with served(answer("200 OK", b"{}", *headers)) as (url, _heads):
        yield url


def planned(site: Layout, units: Units, url: str) -> Planned:
    """The new release is up in green, and is to serve."""
    Records(site).save(NEW)
    units.states[GREEN] = "active"
    wanted = traffic.Wanted("green", NEW.id, NEW.label, "anna@desk")
    return traffic.switch(site, wanted, traffic.FrontDoor(url, "/health", [], True), systemd=Systemd(), timeout=0.2)


def serving(site: Layout) -> tuple[str | None, str]:
    return site.live_slot(), site.current_release()


def state(site: Layout) -> str:
    record = Records(site).get(NEW.id)
    assert record is not None
    return record.state


@pytest.mark.parametrize("point", POINTS)
def test_one_that_fails_goes_back_until_it_is_committed(
    engine: Engine, site: Layout, units: Units, front: str, point: str
) -> None:
    cut(engine, planned(site, units, front), point, failed)
    assert serving(site) == (AFTER if point in COMMITTED else BEFORE)
    assert (left(engine) != []) == (point in COMMITTED)
    assert BLUE in units.states or point == "traffic.drain:after"
    leftovers.settle(engine)
    assert left(engine) == []


@pytest.mark.parametrize("point", POINTS)
def test_one_that_dies_is_finished(engine: Engine, site: Layout, units: Units, front: str, point: str) -> None:
    cut(engine, planned(site, units, front), point, Died)
    assert leftovers.settle(engine) != []
    assert (serving(site), state(site)) == (AFTER, "good")
    assert units.enabled == {GREEN, traffic.WATCH}
    assert BLUE not in units.states
    assert left(engine) == []


@pytest.mark.parametrize("point", [each for each in POINTS if each not in COMMITTED])
def test_one_that_died_is_taken_back_where_that_is_asked_for(
    engine: Engine, site: Layout, units: Units, front: str, point: str
) -> None:
    cut(engine, planned(site, units, front), point, Died)
    leftovers.settle(engine, finish=False)
    assert serving(site) == BEFORE
    assert units.states[BLUE] == "active"


def test_one_that_died_is_finished_only_with_proof(engine: Engine, site: Layout, units: Units) -> None:
    cut(engine, planned(site, units, NOBODY), "traffic.link:after", Died)
    (note,) = leftovers.settle(engine)
    assert note.startswith(
        "took back the traffic that an earlier run left at step link, as the front door does not show"
    )
    assert (serving(site), state(site)) == (BEFORE, "building")
    assert left(engine) == []
