# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import services
from ansible_collections.blyan.ops.plugins.module_utils.services import NEVER, Found, Wanted
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Unit, parse

#: A unit that started 100 s after the boot and was reloaded at 200 s.
SHOWN = {
    "ActiveState": "active",
    "SubState": "running",
    "ConditionResult": "yes",
    "NeedDaemonReload": "no",
    "UnitFileState": "enabled",
    "InactiveExitTimestampMonotonic": "100000000",
    "StateChangeTimestampMonotonic": "200000000",
    "ConditionTimestampMonotonic": "99000000",
}
#: systemd says "no" of a condition that it never looked at, too.
NEVER_STARTED = {"ActiveState": "inactive", "ConditionResult": "no", "ConditionTimestampMonotonic": "0"}
DOES_NOT_APPLY = {"ActiveState": "inactive", "ConditionResult": "no"}


def unit(changes: dict[str, str]) -> Unit:
    return parse("\n".join(f"{name}={value}" for name, value in {**SHOWN, **changes}.items()))


@pytest.mark.parametrize(
    ("changes", "restart_for", "reload_for", "verb"),
    [
        ({}, NEVER, NEVER, ""),
        ({}, 99.0, 199.0, ""),
        ({}, NEVER, 201.0, "reload"),
        ({}, 101.0, NEVER, "restart"),
        ({}, 101.0, 201.0, "restart"),
        ({"ActiveState": "reloading"}, 99.0, 199.0, ""),
        ({"ActiveState": "inactive"}, 101.0, 201.0, "start"),
        ({"ActiveState": "failed"}, NEVER, NEVER, "start"),
        (NEVER_STARTED, 1.0, 1.0, "start"),
        # One that does not apply to this host is left; new files are tried once.
        (DOES_NOT_APPLY, 98.0, NEVER, ""),
        (DOES_NOT_APPLY, 99.5, NEVER, "restart"),
    ],
)
def test_told_from_unit_and_files(changes: dict[str, str], restart_for: float, reload_for: float, verb: str) -> None:
    found = Found(unit(changes), restart_for, reload_for)
    assert [change.step for change in services.plan(Wanted("a.service"), found)] == ([verb] if verb else [])


@pytest.mark.parametrize(
    ("wanted", "changes", "made", "steps"),
    [
        ({"restart": True}, {}, False, ["restart"]),
        ({"reload": True}, {}, False, ["reload"]),
        ({"restart": True, "reload": True}, {}, False, ["restart"]),
        ({"reload": True}, {"ActiveState": "inactive"}, False, ["start"]),
        ({"enable": True}, {}, False, []),
        ({"enable": True}, {"UnitFileState": "disabled"}, False, ["enable"]),
        ({"enable": True}, {"UnitFileState": "disabled", "ActiveState": "inactive"}, False, ["enable", "start"]),
        ({}, {"UnitFileState": "disabled"}, False, []),
        # What ends by itself runs once.
        ({"makes": "/x*"}, {"ActiveState": "inactive"}, False, ["start"]),
        ({"makes": "/x*"}, {"ActiveState": "inactive"}, True, []),
    ],
)
def test_told_by_the_run(wanted: dict[str, Any], changes: dict[str, str], made: bool, steps: list[str]) -> None:
    planned = services.plan(Wanted("a.service", **wanted), Found(unit(changes), made=made))
    assert [change.step for change in planned] == steps


def test_what_the_diff_says() -> None:
    wanted = Wanted("a.service", enable=True)
    start = services.plan(wanted, Found(unit({"UnitFileState": "disabled", "ActiveState": "failed"})))
    assert [(change.before, change.after) for change in start] == [
        ({"at boot": "not started"}, {"at boot": "started"}),
        ({"state": "failed"}, {"state": "started"}),
    ]
    (reload,) = services.plan(wanted, Found(unit({}), reload_for=201.0))
    assert reload.before == {"configuration": "former"}
    assert reload.after == {"configuration": "the one on disk, by a reload"}


def test_written_takes_the_newest_that_is_there(tmp_path: Path) -> None:
    older, newer = tmp_path / "older", tmp_path / "newer"
    older.touch()
    newer.touch()
    both = services.written([str(older), str(newer), str(tmp_path / "none")])
    assert both == pytest.approx(services.written([str(newer)]), abs=0.01)
    assert services.written([str(tmp_path / "none")]) == NEVER


def test_a_directory_tells_when_a_file_of_it_was_removed(tmp_path: Path) -> None:
    folder, clock = tmp_path / "conf.d", tmp_path / "clock"
    folder.mkdir()
    (folder / "gone").touch()
    made = services.written([str(folder)])
    while services.written([str(clock)]) - made < 0.05:
        clock.touch()
    (folder / "gone").unlink()
    assert services.written([str(folder)]) - made >= 0.04
