# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Unit, parse

RUNNING = """\
NRestarts=2
ActiveState=active
SubState=running
InvocationID=4d2a1d0c6d3e4f2f8b1f6f6c3f0c9d11
ActiveEnterTimestamp=Mon 2026-11-23 20:45:01 UTC
NeedDaemonReload=yes
UnitFileState=enabled
ConditionResult=yes
ConditionTimestampMonotonic=99000000
InactiveExitTimestampMonotonic=100000000
StateChangeTimestampMonotonic=200500000
MainPID=4711
"""
UNKNOWN = """\
NRestarts=0
ActiveState=inactive
SubState=dead
InvocationID=
ActiveEnterTimestamp=
NeedDaemonReload=no
UnitFileState=
ConditionResult=no
ConditionTimestampMonotonic=0
"""
DOES_NOT_APPLY = """\
ActiveState=inactive
SubState=dead
ConditionResult=no
ConditionTimestampMonotonic=99000000
InactiveExitTimestampMonotonic=0
"""


@pytest.mark.parametrize(
    ("shown", "unit"),
    [
        (
            RUNNING,
            Unit(
                "active",
                "running",
                2,
                "4d2a1d0c6d3e4f2f8b1f6f6c3f0c9d11",
                "Mon 2026-11-23 20:45:01 UTC",
                True,
                enabled=True,
                began=100.0,
                changed=200.5,
                pid=4711,
            ),
        ),
        (UNKNOWN, Unit("inactive", "dead", 0, "", "", False)),
        (DOES_NOT_APPLY, Unit("inactive", "dead", 0, "", "", False, condition_failed=True, began=99.0)),
        ("ActiveState=active\nSubState=a=b\nNRestarts=\n", Unit("active", "a=b", 0, "", "", False)),
        ("", Unit("inactive", "", 0, "", "", False)),
    ],
    ids=["running", "unknown", "does not apply", "odd", "nothing"],
)
def test_parse(shown: str, unit: Unit) -> None:
    assert parse(shown) == unit
