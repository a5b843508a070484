# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import releases
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.layout import Layout
from ansible_collections.blyan.ops.plugins.module_utils.releases import Records

from .samples import release

ONE = release(1, version="v1")
TWO = release(2, version="v2", replaced=ONE.id)
THREE = release(3, version="v3", replaced=TWO.id)
HISTORY = [ONE, TWO, THREE]


def ids(found: list[releases.Release]) -> list[str]:
    return [each.id for each in found]


def test_back_to_what_served_before() -> None:
    assert releases.rollback_target(HISTORY, THREE.id, "") == TWO


@pytest.mark.parametrize("spoilt", [{"state": "bad"}, {"pruned": True}, {"state": "building"}])
def test_back_past_one_that_is_of_no_use(spoilt: dict[str, object]) -> None:
    assert releases.rollback_target([ONE, replace(TWO, **spoilt), THREE], THREE.id, "") == ONE


@pytest.mark.parametrize(
    ("history", "live"),
    [
        ([], None),
        ([ONE], ONE.id),
        ([replace(ONE, pruned=True), TWO], TWO.id),
        ([TWO], TWO.id),
        ([ONE, TWO], None),
        ([replace(ONE, state="bad", replaced=TWO.id), TWO], TWO.id),
        ([replace(ONE, state="bad", replaced=TWO.id), replace(TWO, state="bad"), THREE], THREE.id),
    ],
    ids=["empty host", "the first", "gone from disk", "no record", "nothing live", "a ring", "a ring further back"],
)
def test_nothing_to_go_back_to(history: list[releases.Release], live: str | None) -> None:
    with pytest.raises(OpsError, match="no release to roll back to"):
        releases.rollback_target(history, live, "")


def test_the_refusal_names_what_is_on_disk() -> None:
    with pytest.raises(OpsError) as caught:
        releases.rollback_target([ONE, TWO, replace(THREE, replaced="")], THREE.id, "")
    assert f"on disk: {TWO.id}, {ONE.id}" in caught.value.next_step


@pytest.mark.parametrize("wanted", [ONE.id, ONE.commit, ONE.commit[:7], "v1"])
def test_back_to_a_named_one(wanted: str) -> None:
    assert releases.rollback_target(HISTORY, THREE.id, wanted) == ONE


def test_a_version_that_was_deployed_twice_is_the_newest() -> None:
    again = release(4, version="v1")
    assert releases.rollback_target([*HISTORY, again], THREE.id, "v1") == again


@pytest.mark.parametrize("wanted", ["v3", THREE.id, THREE.commit[:10]])
def test_the_live_one_by_its_name_leaves_nothing_to_do(wanted: str) -> None:
    assert releases.rollback_target(HISTORY, THREE.id, wanted) == THREE


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("v2", f"{TWO.id} is bad"),
        ("v1", f"{ONE.id} is gone from disk"),
        (TWO.commit[:6], "no good release is called so"),
        ("nonsense", "no good release is called so"),
    ],
)
def test_a_named_one_that_will_not_do(wanted: str, why: str) -> None:
    other = release(5, version="v5")
    history = [replace(ONE, pruned=True), replace(TWO, state="bad"), THREE, other]
    with pytest.raises(OpsError) as caught:
        releases.rollback_target(history, THREE.id, wanted)
    assert why in caught.value.reason
    assert repr(wanted) in caught.value.reason
    assert f"one of: {other.id};" in caught.value.next_step


def test_reuse_of_the_live_one_alone() -> None:
    twin = replace(release(6), commit=ONE.commit)
    assert releases.reusable([ONE, twin], ONE.id, ONE.commit, ONE.venv) == ONE
    assert releases.reusable([ONE, TWO], TWO.id, ONE.commit, ONE.venv) is None


@pytest.mark.parametrize(
    "change", [{"commit": "f" * 40}, {"venv": "another"}, {"state": "bad"}, {"state": "building"}, {"pruned": True}]
)
def test_no_reuse(change: dict[str, object]) -> None:
    assert releases.reusable([replace(ONE, **change)], ONE.id, ONE.commit, ONE.venv) is None


MANY = [release(number, replaced=release(number - 1).id if number > 1 else "") for number in range(1, 8)]


@pytest.mark.parametrize(
    ("used", "keep", "gone"),
    [
        ([MANY[6].id], 2, [1, 2, 3, 4, 5]),
        ([MANY[6].id, MANY[5].id], 4, [1, 2, 3]),
        ([MANY[6].id], 7, []),
        ([MANY[6].id, None], 0, [1, 2, 3, 4, 5]),
        ([MANY[2].id], 2, [1, 4, 5]),
        ([], 1, [1, 2, 3, 4, 5, 6]),
    ],
    ids=["newest", "both slots", "all stay", "never none", "live is old", "nothing live"],
)
def test_what_may_go(used: list[str | None], keep: int, gone: list[int]) -> None:
    assert ids(releases.prunable(MANY, used, keep)) == [MANY[number - 1].id for number in gone]


def test_those_that_never_served_go_first_and_do_not_count() -> None:
    failed, half = release(8, state="bad"), release(9, state="building")
    history = [*MANY, failed, half]
    assert ids(releases.prunable(history, [MANY[6].id], 7)) == [failed.id, half.id]


def test_what_a_slot_runs_stays_whatever_its_state() -> None:
    half = release(9, state="building", replaced=MANY[0].id)
    assert ids(releases.prunable([*MANY, half], [MANY[6].id, half.id], 2)) == ids(MANY[1:5])


def test_what_is_gone_is_not_removed_again() -> None:
    assert releases.prunable([replace(ONE, pruned=True), TWO, THREE], [THREE.id], 1) == []


def test_served_last_counts_and_not_made_last() -> None:
    back_again = replace(MANY[0], live_since="2026-12-24T00:00:00Z")
    assert back_again.id not in ids(releases.prunable([back_again, *MANY[1:]], [], 1))


def test_virtual_environments_that_nothing_needs() -> None:
    history = [replace(ONE, venv="old", pruned=True), replace(TWO, venv="shared"), replace(THREE, venv="shared")]
    assert releases.unused_venvs(["old", "shared", "stray"], history) == ["old", "stray"]


def test_records_on_disk(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.records.mkdir()
    records = Records(layout)
    for each in (TWO, ONE):
        records.save(each)
    assert records.all() == [ONE, TWO]
    records.change(ONE.id, state="bad", error="it fell over")
    assert records.get(ONE.id) == replace(ONE, state="bad", error="it fell over")
    records.change("unknown", state="bad")
    records.drop(TWO.id)
    records.drop(TWO.id)
    assert ids(records.all()) == [ONE.id]


def test_a_newer_version_may_add_to_records(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.records.mkdir()
    Records(layout).save(ONE)
    file = layout.records / f"{ONE.id}.json"
    file.write_text(file.read_text().replace("{", '{"schema": 7,', 1))
    assert Records(layout).all() == [ONE]


def test_what_people_call_a_release() -> None:
    assert replace(ONE, commit="0123456789abcdef").label == "0123456 (v1)"


def test_a_host_without_records(tmp_path: Path) -> None:
    assert Records(Layout(tmp_path)).all() == []
