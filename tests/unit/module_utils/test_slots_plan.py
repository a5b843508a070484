# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import layout, pack, slots
from ansible_collections.blyan.ops.plugins.module_utils.diff import diff
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.start import StartSlot

from .samples import HEALTHY, RUNNING, SILENT, STOPPED

UNIT = slots.HostFile("/etc/systemd/system/aiblock@.service", "[Service]\n")
SETTINGS = slots.HostFile("/etc/blyan/slots.json", "{}\n")
AGENT = b"agent"
ENVIRONMENT = 'A="1"\n'
WANTED = slots.Wanted("green", "r2", "abc (main)", ENVIRONMENT, [UNIT, SETTINGS], AGENT)
#: As the slot is when it is as wanted.
THERE = slots.Found(
    release="r2",
    environment=ENVIRONMENT,
    live_environment=ENVIRONMENT,
    master_key=True,
    files={UNIT.path: UNIT.content, SETTINGS.path: SETTINGS.content},
    agent=pack.digest(AGENT),
    unit=RUNNING,
    answers=HEALTHY,
    serves=False,
)
BARE = slots.Found(None, None, None, False, {}, "", STOPPED, SILENT, False)
ON = ["start", "healthy"]


def steps(wanted: slots.Wanted, found: slots.Found) -> list[str]:
    return [change.step for change in slots.plan(wanted, found)]


def test_a_bare_host_gets_all() -> None:
    planned = steps(WANTED, BARE)
    assert planned == ["master_key", "environment", "release", "agent", "files", "files", *ON]
    assert set(planned) == set(StartSlot.steps) - {"registry", "keep"}, "nothing is live, and nothing kept warm"


def test_a_slot_as_wanted_is_left_alone() -> None:
    assert slots.plan(WANTED, THERE) == []


@pytest.mark.parametrize(
    ("found", "planned"),
    [
        ({"release": "r1"}, ["release", *ON]),
        ({"retires": True}, ["keep"]),
        ({"retires": True, "answers": SILENT}, [*ON, "keep"]),
        ({"environment": 'A="0"\n'}, ["environment", *ON]),
        ({"master_key": False}, ["master_key", *ON]),
        ({"agent": "sha256:old"}, ["agent", *ON]),
        ({"files": {UNIT.path: "old", SETTINGS.path: SETTINGS.content}}, ["files", *ON]),
        ({"unit": STOPPED, "answers": SILENT}, ON),
        ({"answers": SILENT}, ON),
        ({"unit": replace(RUNNING, stale=True)}, ON),
    ],
)
def test_one_thing_differs(found: dict[str, object], planned: list[str]) -> None:
    assert steps(WANTED, replace(THERE, **found)) == planned


@pytest.mark.parametrize(
    ("found", "planned"),
    [
        ({"live_nodes": frozenset({"a"}), "unit": STOPPED, "answers": SILENT}, [*ON, "registry"]),
        ({"live_nodes": frozenset(), "unit": STOPPED, "answers": SILENT}, [*ON, "registry"]),
        ({"live_nodes": None, "unit": STOPPED, "answers": SILENT}, ON),
        ({"live_nodes": frozenset({"a", "b"}), "nodes": frozenset({"a"})}, ["registry"]),
        ({"live_nodes": frozenset({"a"}), "nodes": frozenset({"a", "b"})}, []),
        ({"live_nodes": None, "nodes": frozenset({"a"})}, []),
    ],
    ids=["started", "none yet", "not wanted", "runs and lacks one", "runs and knows them", "runs, and not wanted"],
)
def test_nodes_are_carried_over(found: dict[str, object], planned: list[str]) -> None:
    assert steps(WANTED, replace(THERE, **found)) == planned


def test_the_slot_that_serves_is_never_touched() -> None:
    with pytest.raises(OpsError, match="the slot green serves now"):
        slots.plan(WANTED, replace(THERE, serves=True, release="r1"))


def test_made_ready_only() -> None:
    assert steps(replace(WANTED, started=False), BARE) == ["master_key", "environment", "release", "agent"]


def test_what_was_made_ready_in_this_run_is_not_done_again() -> None:
    prepared = replace(WANTED, prepared=True)
    assert steps(prepared, THERE) == ON
    assert steps(prepared, BARE) == ["files", "files", *ON]


def test_without_files_units_and_agent_stay_as_they_are() -> None:
    assert steps(replace(WANTED, files=[], agent=b""), replace(BARE, master_key=True)) == [
        "environment",
        "release",
        *ON,
    ]


def test_the_environment_of_the_live_slot_is_taken_over() -> None:
    wanted = replace(WANTED, environment=None)
    assert steps(wanted, replace(THERE, environment=None)) == ["environment", *ON]
    assert slots.plan(wanted, THERE) == []


def test_no_value_of_the_environment_is_shown() -> None:
    changes = slots.plan(replace(WANTED, environment='KEY="hunter2"\n'), replace(THERE, environment='KEY="letmein"\n'))
    assert changes[0].target == str(layout.environment_file("green"))
    assert "KEY: set, another value" in diff(changes)[0]["after"]
    assert "hunter2" not in str(changes)
    assert "letmein" not in str(changes)


def test_a_file_is_shown_whole() -> None:
    change = slots.plan(WANTED, replace(THERE, files={SETTINGS.path: SETTINGS.content}))[0]
    assert (change.target, change.before, change.after) == (UNIT.path, None, UNIT.content)
