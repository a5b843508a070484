# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import legacy_unit, pack
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError

#: As `systemctl show` of systemd 252 prints it.
SHOWN = r"""MainPID=2090
Environment=PATH=/usr/bin:/bin "DATABASE_URL=postgresql://b:a b@h/d" "Q=q\"u \$d \`e\` \\ back" "T=tab\ttab" F= G=/root
EnvironmentFiles=/etc/one.env (ignore_errors=no)
EnvironmentFiles=/etc/two.env (ignore_errors=yes)
WorkingDirectory=/root/blyan
ActiveState=active
FragmentPath=/etc/systemd/system/aiblock.service
DropInPaths=/etc/systemd/system/aiblock.service.d/a.conf /usr/lib/systemd/system/service.d/all.conf
UnitFileState=enabled
NeedDaemonReload=no
"""
UNIT = legacy_unit.parse(SHOWN)


def test_parse() -> None:
    assert UNIT.declared == {
        "PATH": "/usr/bin:/bin",
        "DATABASE_URL": "postgresql://b:a b@h/d",
        "Q": 'q"u $d `e` \\ back',
        "T": "tab\ttab",
        "F": "",
        "G": "/root",
    }
    assert UNIT.environment_files == ("/etc/one.env", "/etc/two.env")
    assert (UNIT.state, UNIT.pid, UNIT.boots, UNIT.stale, UNIT.directory) == (
        "active",
        2090,
        True,
        False,
        "/root/blyan",
    )
    assert legacy_unit.own_drop_ins(UNIT) == ["/etc/systemd/system/aiblock.service.d/a.conf"]
    legacy_unit.require(UNIT)


def test_a_unit_that_is_not_there() -> None:
    shown = "MainPID=0\nEnvironment=\nFragmentPath=\nActiveState=inactive\nUnitFileState=\n"
    assert not legacy_unit.by_hand(legacy_unit.parse(shown))


@pytest.mark.parametrize(
    ("text", "values", "by_hand"),
    [
        ("ExecStart=/usr/bin/python3 api/server.py", {}, True),
        ("ExecStart=/usr/bin/python3 api/server.py", {"state": "failed"}, True),
        ("ExecStart=/usr/bin/python3 api/server.py", {"boots": False}, True),
        ("ExecStart=/usr/bin/python3 api/server.py", {"state": "inactive", "boots": False}, False),
        (f"ExecStart=/usr/bin/python3 {pack.AGENT} serve", {}, False),
    ],
)
def test_by_hand(tmp_path: Path, text: str, values: dict[str, Any], by_hand: bool) -> None:
    file = tmp_path / "aiblock.service"
    file.write_text(text)
    assert legacy_unit.by_hand(replace(UNIT, file=str(file), **values)) is by_hand


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"state": "failed", "pid": 0}, "aiblock.service was deployed by hand and is failed"),
        ({"state": "activating"}, "is activating"),
        ({"stale": True}, "was changed since systemd read it"),
        ({"file": "/run/systemd/system/aiblock.service"}, "comes from /run/systemd/system/aiblock.service"),
        (
            {"drop_ins": ("/run/systemd/system/aiblock.service.d/x.conf",)},
            "changes aiblock.service until the next boot",
        ),
    ],
)
def test_refused(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(OpsError, match=reason) as refused:
        legacy_unit.require(replace(UNIT, **values))
    assert refused.value.next_step


@pytest.mark.parametrize(
    ("command", "script"),
    [
        (["/usr/bin/python3", "/root/blyan/api/server.py"], "/root/blyan/api/server.py"),
        (["python", "api/server.py"], "/root/blyan/api/server.py"),
        (
            ["/root/blyan/venv/bin/python3.11", "-u", "-O", "api/server.py", "--port", "8000"],
            "/root/blyan/api/server.py",
        ),
    ],
)
def test_the_script(command: list[str], script: str) -> None:
    assert str(legacy_unit.script(command, "/root/blyan")) == script


@pytest.mark.parametrize(
    "command",
    [
        ["/usr/bin/docker", "run", "blyan"],
        ["gunicorn: master [api.server:app]"],
        ["/usr/bin/python3", "-m", "uvicorn", "api.server:app"],
        ["/usr/bin/python3", "/usr/bin/gunicorn", "api.server:app"],
        ["/bin/sh", "-c", "python api/server.py"],
        ["/usr/bin/python3"],
        [],
    ],
)
def test_another_command_is_refused(command: list[str]) -> None:
    with pytest.raises(OpsError, match="only python with a script of the app is understood"):
        legacy_unit.script(command, "/root/blyan")


PROCESS = {**UNIT.declared, "HOME": "/root", "INVOCATION_ID": "1"}


@pytest.mark.parametrize(
    ("files", "beside", "process", "found"),
    [
        ([], {}, {}, {}),
        (["DATABASE_URL=one\n"], {}, {"DATABASE_URL": "one"}, {"DATABASE_URL": "one"}),
        (["A=1\nB=1\n", "B='two $x'\n"], {}, {"A": "1", "B": "two $x"}, {"A": "1", "B": "two $x"}),
        ([], {"F": "beside", "NEW": "beside", "PATH": "/x", "VIRTUAL_ENV": "/x"}, {}, {"NEW": "beside"}),
    ],
    ids=["unit alone", "a file wins over the unit", "a later file wins", ".env loses"],
)
def test_environment(files: list[str], beside: dict[str, str], process: dict[str, str], found: dict[str, str]) -> None:
    texts = {f"/etc/{number}.env": text for number, text in enumerate(files)}
    plain = {name: value for name, value in UNIT.declared.items() if name != "PATH"}
    assert legacy_unit.environment(UNIT, {**PROCESS, **process}, texts, beside) == {**plain, **found}
    assert legacy_unit.left_out(UNIT) == ["PATH"]


@pytest.mark.parametrize(
    ("process", "files"),
    [
        ({"DATABASE_URL": "old"}, {}),
        ({}, {"/etc/one.env": "DATABASE_URL=new-secret\n"}),
        ({}, {"/etc/one.env": "DATABASE_URL2=x"}),
    ],
    ids=["the unit was changed", "a file was changed", "a variable came"],
)
def test_what_runs_has_to_be_what_a_restart_gives(process: dict[str, str], files: dict[str, str]) -> None:
    with pytest.raises(
        OpsError, match=r"runs with other values of DATABASE_URL2? than its files now give it"
    ) as refused:
        legacy_unit.environment(UNIT, {**PROCESS, **process}, files, {})
    assert "secret" not in refused.value.message()
