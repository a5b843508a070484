# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import paths
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.paths import Entry

FOLDER = Entry("directory", "root", "adm", 0o750)
FILE = Entry("file", "root", "adm", 0o640)
ABSENT = Entry("absent")


def given(**values: str) -> dict[str, str]:
    """The option as the module gives it."""
    return {"path": "/x", "kind": "directory", "owner": "root", "group": "", "mode": "0755", **values}


@pytest.mark.parametrize(
    ("option", "entry"),
    [
        (given(), Entry("directory", "root", "root", 0o755)),
        (given(owner="redis", mode="0750"), Entry("directory", "redis", "redis", 0o750)),
        (given(kind="file", owner="blyan", group="adm", mode="640"), Entry("file", "blyan", "adm", 0o640)),
        (given(kind="absent"), ABSENT),
    ],
)
def test_wanted(option: dict[str, str], entry: Entry) -> None:
    assert paths.wanted_entry(option) == entry


def test_a_mode_that_is_none() -> None:
    with pytest.raises(OpsError, match="the mode of /x is 'rwx'"):
        paths.wanted_entry(given(mode="rwx"))


@pytest.mark.parametrize(
    ("wanted", "found", "steps"),
    [
        (FOLDER, FOLDER, []),
        (ABSENT, ABSENT, []),
        (FOLDER, ABSENT, ["make"]),
        (FILE, ABSENT, ["make"]),
        (ABSENT, FILE, ["remove", "clear"]),
        (FILE, Entry("file", "root", "adm", 0o666), ["correct"]),
        (FOLDER, Entry("directory", "root", "root", 0o750), ["correct"]),
    ],
)
def test_plan(wanted: Entry, found: Entry, steps: list[str]) -> None:
    assert [change.step for change in paths.plan({"/x": wanted}, {"/x": found})] == steps


@pytest.mark.parametrize(("wanted", "found"), [(FOLDER, FILE), (FILE, FOLDER), (ABSENT, FOLDER)])
def test_what_is_something_else_is_left(wanted: Entry, found: Entry) -> None:
    with pytest.raises(OpsError, match=f"/x is a {found.kind} where {wanted.kind} is wanted"):
        paths.plan({"/x": wanted}, {"/x": found})


def test_the_diff_names_both_sides() -> None:
    (change,) = paths.plan({"/x": FILE}, {"/x": Entry("file", "4711", "adm", 0o666)})
    assert change.before == {"kind": "file", "owner": "4711", "group": "adm", "mode": "0666"}
    assert change.after == {"kind": "file", "owner": "root", "group": "adm", "mode": "0640"}


def test_a_link_is_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "to folder").symlink_to(tmp_path)
    (tmp_path / "nowhere").symlink_to(tmp_path / "none")
    found = {name: paths.found_entry(tmp_path / name).kind for name in ("to folder", "nowhere", "none")}
    assert found == {"to folder": "directory", "nowhere": "file", "none": "absent"}
