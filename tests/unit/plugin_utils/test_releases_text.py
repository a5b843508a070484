# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.plugin_utils import releases_text

V1: dict[str, Any] = {
    "id": "20261101T000000Z-0000001",
    "commit": "0000001",
    "version": "v1",
    "state": "good",
    "created_by": "anna@desk",
    "live_since": "2026-11-01T00:00:00Z",
    "live_by": "anna@desk",
    "error": "",
    "pruned": False,
    "schema_after": "",
    "schema_compatible": "",
}
V2 = {**V1, "id": "20261102T000000Z-0000002", "version": "v2", "live_by": "ben@desk"}
FAILED = {**V1, "id": "20261103T000000Z-0000003", "state": "bad", "live_since": "", "live_by": "", "pruned": True}
FAILED["error"] = "it never was healthy\nTraceback"
SLOTS = {
    "blue": {"release": V1["id"], "state": "inactive", "health": "not running"},
    "green": {"release": None, "state": "inactive", "health": "not running"},
}


def test_a_deploy() -> None:
    text = releases_text.deploy_summary({"live": {**V1, "slot": "blue"}}, {"live": {**V2, "slot": "green"}}, False)
    assert text[0] == f"serves {V2['id']} (v2) from green"
    assert "by ben@desk" in text[1]
    assert text[2] == f"replaced {V1['id']} (v1)"
    assert text[3].endswith(f"-e deploy_rollback_to={V1['commit'][:7]}")


@pytest.mark.parametrize(
    ("made_for", "has", "compatible", "refused"),
    [("1", "2", "", True), ("1", "2", "0 1", False), ("1", "1", "", False), ("", "2", "", False), ("1", "", "", False)],
)
def test_going_back_across_a_migration_is_told_as_what_it_is(
    made_for: str, has: str, compatible: str, refused: bool
) -> None:
    before = {**V1, "slot": "blue", "schema_after": made_for}
    now = {**V2, "slot": "green", "schema_after": has, "schema_compatible": compatible}
    text = releases_text.deploy_summary({"live": before}, {"live": now}, False)
    told = "-e deploy_rollback_across_migrations=true (it was deployed with schema 1, and the database has 2)"
    assert (told in text[3]) == refused


def test_the_first_deploy_cannot_go_back() -> None:
    text = releases_text.deploy_summary({"live": None}, {"live": {**V1, "slot": "blue"}}, False)
    assert len(text) == 2


def test_a_restart() -> None:
    text = releases_text.deploy_summary({"live": {**V1, "slot": "blue"}}, {"live": {**V1, "slot": "green"}}, False)
    assert text[-1] == "started anew; it served from blue before"


def test_check_mode_says_would() -> None:
    text = releases_text.deploy_summary({"live": {**V1, "slot": "blue"}}, {"live": {**V2, "slot": "green"}}, True)
    assert text == [f"would serve {V2['id']} (v2)", f"in place of {V1['id']} (v1)"]


def test_nothing_to_do() -> None:
    text = releases_text.deploy_summary({"live": {**V1, "slot": "blue"}}, {}, False)
    assert text[0] == f"nothing to do: {V1['id']} (v1) is live and healthy"


def test_the_table_has_the_newest_first_and_marks_the_live_one() -> None:
    found = {"live": {**V2, "slot": "green"}, "releases": [V1, V2, FAILED], "slots": SLOTS}
    head, titles, *rows = releases_text.release_table(found)
    assert head == f"{V2['id']} (v2) serves from green"
    assert titles.split() == ["RELEASE", "VERSION", "STATE", "SCHEMA", "LIVE", "SINCE", "BY"]
    assert [row.split()[0] for row in rows[:3]] == [FAILED["id"], "*", V1["id"]]
    assert rows[0].endswith("it never was healthy")
    assert rows[3:] == [
        f"blue: inactive, not running, release {V1['id']}",
        "green: inactive, not running",
    ]


def test_what_is_gone_from_disk_is_called_so() -> None:
    found = {"live": None, "releases": [{**V1, "pruned": True}], "slots": {}}
    head, _titles, row = releases_text.release_table(found)
    assert head == "nothing is live"
    assert "good, pruned" in row


def test_the_holder_of_the_lock_is_named() -> None:
    holder = {"what": "deploy", "who": "anna@desk", "since": "2026-11-01T00:00:00Z"}
    found = {"live": None, "releases": [], "slots": {}, "holder": holder}
    assert releases_text.release_table(found)[-1] == "lock: deploy by anna@desk since 2026-11-01T00:00:00Z"
