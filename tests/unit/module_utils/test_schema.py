# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import schema
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.releases import Release

from .samples import release


@pytest.mark.parametrize(
    ("printed", "has", "needs"),
    [
        ("1 2\n", "1", "2"),
        ("1\n", "1", ""),
        ("INFO  [alembic] something\n\n  ae1027a6acf  27c6a30d7c24  \n\n", "ae1027a6acf", "27c6a30d7c24"),
    ],
)
def test_what_the_command_prints(printed: str, has: str, needs: str) -> None:
    assert schema.parse(printed) == schema.Schema(has, needs)


@pytest.mark.parametrize(
    ("printed", "said"),
    [("", "nothing"), ("\n \n", "nothing"), ("a b c\n", "'a b c'"), ("ä\n", "'ä'"), ("x" * 101, "'x")],
)
def test_what_is_no_schema(printed: str, said: str) -> None:
    with pytest.raises(OpsError, match=f"deploy_schema_command printed {said}"):
        schema.parse(printed)


def test_names_in_a_file() -> None:
    assert schema.names("# none of these: 7\n1\n2 3 # and 4\n\n") == "1 2 3"
    assert schema.names("") == ""


def test_a_schema_as_before_is_nothing_to_tell() -> None:
    assert schema.moved("1", "1", release(2), "v1") == ""
    assert schema.moved("", "", release(2), "v1") == ""


@pytest.mark.parametrize(
    ("compatible", "says"), [("", "does not say"), ("0", "does not say"), ("0 1", "says"), ("11", "does not say")]
)
def test_what_old_code_meets(compatible: str, says: str) -> None:
    told = schema.moved("1", "2", release(2, version="v2", schema_compatible=compatible), "0000001 (v1)")
    assert told.startswith(
        "The database was migrated: its schema went from 1 to 2, and stays so. 0000001 (v1) serves on"
    )
    assert f"0000002 (v2) {says} that code for schema 1 works with it. Next: " in told


def test_on_a_bare_host_there_is_no_old_code() -> None:
    assert schema.moved("0", "1", release(1), "") == (
        "The database was migrated: its schema went from 0 to 1, and stays so."
    )


ONE = release(1, schema_before="0", schema_after="1")
TWO = release(2, schema_before="1", schema_after="1")
THREE = release(3, schema_before="1", schema_after="2")
FAILED = release(4, schema_before="2", schema_after="3", state="bad", pruned=True)


@pytest.mark.parametrize(
    ("history", "target", "now"),
    [
        ([ONE, TWO], ONE, ""),
        ([ONE, TWO, THREE], TWO, "2"),
        ([ONE, TWO, THREE], THREE, ""),
        ([ONE, TWO, THREE, release(5)], TWO, "2"),
        ([ONE, TWO, replace(THREE, schema_compatible="1")], TWO, ""),
        ([ONE, TWO, replace(THREE, schema_compatible="0")], TWO, "2"),
        ([ONE, TWO, replace(THREE, schema_compatible="1"), release(5, schema_after="2")], TWO, ""),
        ([ONE, TWO, replace(THREE, schema_compatible="1"), release(5, schema_after="3")], TWO, "3"),
        ([ONE, TWO, THREE, FAILED], THREE, "3"),
        ([ONE, TWO, THREE, release(5, schema_after="unknown")], THREE, "unknown"),
        ([replace(ONE, schema_after=""), THREE], replace(ONE, schema_after=""), ""),
        ([release(1), release(2)], release(1), ""),
        ([], ONE, ""),
    ],
    ids=[
        "the same",
        "across",
        "back to the newest",
        "a newer one that nothing is known of",
        "said to be compatible",
        "compatible with another",
        "said by an older one of the same schema",
        "said of another schema",
        "a deploy that failed",
        "nobody could see",
        "made before schemas were told",
        "schemas are not told",
        "no records",
    ],
)
def test_back_across_a_migration(history: list[Release], target: Release, now: str) -> None:
    reason = schema.across(history, target)
    assert bool(reason) == bool(now)
    if now:
        assert f"{target.id} ({target.version}) was deployed with schema {target.schema_after}" in reason
        assert f"the database has schema {now}" in reason
