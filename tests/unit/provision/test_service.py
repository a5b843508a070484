# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from .scripts import load, program

service = load("service")

FOREVER_AGO = float("-inf")


def state(**changes: str) -> dict[str, str]:
    """A unit that started 100 s after the boot and was reloaded at 200 s."""
    running = {
        "ActiveState": "active",
        "ConditionResult": "yes",
        "NeedDaemonReload": "no",
        "UnitFileState": "enabled",
        "InactiveExitTimestampMonotonic": "100000000",
        "StateChangeTimestampMonotonic": "200000000",
        "ConditionTimestampMonotonic": "99000000",
    }
    return {**running, **changes}


@pytest.mark.parametrize(
    ("changes", "restart_for", "reload_for", "verb"),
    [
        ({}, FOREVER_AGO, FOREVER_AGO, ""),
        ({}, 99.0, 199.0, ""),
        ({}, FOREVER_AGO, 201.0, "reload"),
        ({}, 101.0, FOREVER_AGO, "restart"),
        ({}, 101.0, 201.0, "restart"),
        ({"ActiveState": "reloading"}, 99.0, 199.0, ""),
        ({"ActiveState": "inactive"}, 101.0, 201.0, "start"),
        ({"ActiveState": "failed"}, FOREVER_AGO, FOREVER_AGO, "start"),
        # A unit that was never started: systemd then says "no" of its condition.
        ({"ActiveState": "inactive", "ConditionResult": "no", "ConditionTimestampMonotonic": "0"}, 1.0, 1.0, "start"),
        # One that does not apply to this host is left; new files are tried once.
        ({"ActiveState": "inactive", "ConditionResult": "no"}, 98.0, FOREVER_AGO, ""),
        ({"ActiveState": "inactive", "ConditionResult": "no"}, 99.5, FOREVER_AGO, "restart"),
    ],
)
def test_needed(changes: dict[str, str], restart_for: float, reload_for: float, verb: str) -> None:
    assert service.needed(state(**changes), restart_for, reload_for) == verb


def test_written_takes_the_newest_that_is_there(tmp_path: Path) -> None:
    older, newer = tmp_path / "older", tmp_path / "newer"
    older.touch()
    newer.touch()
    both = service.written([str(older), str(newer), str(tmp_path / "none")])
    assert both == pytest.approx(service.written([str(newer)]), abs=0.01)
    assert service.written([str(tmp_path / "none")]) == FOREVER_AGO


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for systemctl that shows the state in a file and logs what it is told to do."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    shown = "\n".join(f"{name}={value}" for name, value in state(NeedDaemonReload="yes").items())
    (tmp_path / "state").write_text(shown)
    log = tmp_path / "log"
    log.touch()
    script = f'[ "$1" = show ] && exec cat {tmp_path}/state\necho "$@" >> {log}\n[ "$2" != broken.service ]'
    program(tmp_path, "systemctl", script)
    program(tmp_path, "journalctl", "echo its last words")
    return log


def order(monkeypatch: pytest.MonkeyPatch, check: bool, **wanted: object) -> None:
    argument = json.dumps({"check": check, "services": [{"unit": "some.service", **wanted}]})
    monkeypatch.setattr(sys, "argv", ["-", argument])
    service.main()


def test_a_changed_file_is_loaded(
    systemctl: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    order(monkeypatch, False, reload=True)
    assert systemctl.read_text().splitlines() == ["daemon-reload", "reload some.service"]
    assert capsys.readouterr().out == "reload some.service\n"


def test_check_mode_only_says_it(
    systemctl: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    order(monkeypatch, True, restart=True)
    assert systemctl.read_text() == ""
    assert capsys.readouterr().out == "restart some.service\n"


def test_nothing_to_do_says_nothing(
    systemctl: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    order(monkeypatch, False, enable=True)
    assert systemctl.read_text() == "daemon-reload\n"
    assert capsys.readouterr().out == ""


def test_no_restart_without_the_file_that_holds_the_data(
    systemctl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PATIENCE", 0.2)
    with pytest.raises(SystemExit, match="did not come within"):
        order(monkeypatch, False, restart=True, only_with=str(tmp_path / "aof"))
    assert "restart" not in systemctl.read_text()
    (tmp_path / "aof").touch()
    order(monkeypatch, False, restart=True, only_with=str(tmp_path / "aof"))
    assert "restart some.service" in systemctl.read_text()


def test_what_ends_by_itself_runs_once(systemctl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state").write_text("\n".join(f"{k}={v}" for k, v in state(ActiveState="inactive").items()))
    order(monkeypatch, False, makes=f"{tmp_path}/daily_*")
    assert "start some.service" in systemctl.read_text()
    (tmp_path / "daily_20260131.dump").touch()
    systemctl.write_text("")
    order(monkeypatch, False, makes=f"{tmp_path}/daily_*")
    assert systemctl.read_text() == ""


def test_a_failure_shows_the_log(systemctl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"systemctl reload broken.service failed(?s:.*)its last words"):
        order(monkeypatch, False, unit="broken.service", reload=True)
