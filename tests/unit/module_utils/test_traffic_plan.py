# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import traffic

WANTED = traffic.Wanted("green", "r2", "bbbbbbb (v2)", "anna@desk")
#: Green serves r2, alone and at boot.
DONE = traffic.Found("green", "r2", "bbbbbbb (v2)", "good", boots=True, old_runs=False)
#: Blue serves r1, and green with r2 is up.
BEFORE = traffic.Found("blue", "r1", "aaaaaaa (v1)", "building", boots=False, old_runs=True)


def steps(found: traffic.Found) -> list[str]:
    return [change.step for change in traffic.plan(WANTED, found)]


def test_from_one_slot_to_the_other() -> None:
    assert steps(BEFORE) == list(traffic.Switch.steps)


def test_nothing_where_it_serves() -> None:
    assert traffic.plan(WANTED, DONE) == []


def test_the_first_release_has_nothing_to_drain() -> None:
    found = traffic.Found(None, "", "", "building", boots=False, old_runs=False)
    assert steps(found) == ["link", "prove", "current", "record", "boot"]


@pytest.mark.parametrize(
    ("found", "planned"),
    [
        ({"live": "blue"}, ["link", "prove", "drain"]),
        ({"current": "r1"}, ["current", "record"]),
        ({"state": "building"}, ["record"]),
        ({"boots": False}, ["boot"]),
        ({"old_runs": True}, ["drain"]),
    ],
)
def test_one_thing_is_left_to_do(found: dict[str, object], planned: list[str]) -> None:
    assert steps(replace(DONE, **found)) == planned


def test_a_slot_that_is_kept_warm_is_left_to_its_timer() -> None:
    warm = replace(DONE, old_runs=True, old_retires=True)
    assert traffic.plan(WANTED, warm, 300) == []
    (drain,) = (change for change in traffic.plan(WANTED, BEFORE, 300) if change.step == "drain")
    assert drain.after == {"runs": "idle for 5m, to go back at once"}


def test_a_link_never_moves_without_proof_before_the_commit() -> None:
    order = traffic.Switch.steps
    assert order.index("link") < order.index("prove") < order.index(traffic.Switch.commit) < order.index("drain")


def test_the_diff_names_both_sides() -> None:
    shown = {change.step: (change.before, change.after) for change in traffic.plan(WANTED, BEFORE)}
    assert shown["link"] == ("blue", "green")
    assert shown["current"] == ("aaaaaaa (v1)", "bbbbbbb (v2)")
    assert shown["record"] == ({"state": "building"}, {"state": "good"})
