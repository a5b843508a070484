# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import migrator
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.migrator import NOT_ALLOWED, NOTHING_TO_DO, Job, Report


class Unit:
    """A unit that migrates a file from the schema 1 to 2.

    Args:
        directory: where the file is.
    """

    def __init__(self, directory: Path) -> None:
        self.database, self.report = directory / "schema", directory / "report.json"
        self.database.write_text("1")
        self.said: list[str] = []

    def run(self, command: str = "", **values: Any) -> int:
        """Run it to its end."""
        migrate = ["sh", "-c", command or f"printf 2 > {self.database}"]
        show = ["sh", "-c", f"echo some log; has=$(cat {self.database}) && echo $has 2"]
        job = Job(migrate, show, True, 30.0, str(self.report))
        return migrator.main(json.dumps({**asdict(job), **values}), self.said.append)

    def left(self) -> Report:
        """What it left."""
        return Report.read(self.report)


@pytest.fixture
def unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Unit:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///d")
    return Unit(tmp_path)


NOTE = "DATABASE_URL names no PostgreSQL database, so that there was nothing to lock"


def test_the_schema_before_and_after(unit: Unit) -> None:
    assert unit.run() == 0
    assert unit.left() == Report("1", "2", "2", "", NOTE)


def test_without_a_command_schemas_are_not_known(unit: Unit) -> None:
    assert unit.run(schema=[]) == 0
    assert unit.left() == Report("", "", "", "", NOTE)
    assert unit.database.read_text() == "2"


def test_a_failure_has_the_status_of_the_command_and_the_schema_that_it_left(unit: Unit) -> None:
    assert unit.run(f"printf 1.5 > {unit.database}; exit 7") == 7
    assert (unit.left().before, unit.left().after) == ("1", "1.5")


def test_where_there_may_be_none_nothing_is_run(unit: Unit) -> None:
    assert unit.run(allowed=False) == 0
    assert (unit.left().outcome, unit.left().needs, unit.database.read_text()) == (NOT_ALLOWED, "2", "1")
    unit.database.write_text("2")
    assert unit.run(f"rm {unit.database}", allowed=False) == 0
    assert (unit.left().outcome, unit.left().after) == (NOTHING_TO_DO, "2")


def test_where_there_may_be_none_and_nobody_knows_nothing_is_run(unit: Unit) -> None:
    assert unit.run(allowed=False, schema=[]) == 0
    assert unit.left().outcome == NOT_ALLOWED
    assert unit.run(allowed=False, schema=["echo", "2"]) == 0
    assert (unit.left().outcome, unit.database.read_text()) == (NOT_ALLOWED, "1")


@pytest.mark.parametrize(
    ("show", "why"),
    [
        (["false"], "deploy_schema_command failed (it ended with status 1)"),
        (["no-such-program"], "deploy_schema_command failed ("),
        (["true"], "deploy_schema_command printed nothing last"),
    ],
)
def test_a_schema_that_is_not_told_stops_it(unit: Unit, show: list[str], why: str) -> None:
    assert unit.run(schema=show) == 1
    assert why in unit.said[-1]
    assert unit.database.read_text() == "1"


def test_a_schema_that_is_not_told_any_more_is_unknown(unit: Unit) -> None:
    assert unit.run(f"rm {unit.database}; exit 7") == 1
    assert (unit.left().before, unit.left().after) == ("1", "unknown")


def test_whoever_is_killed_has_left_that_the_schema_is_unknown(unit: Unit) -> None:
    copy = unit.report.with_name("copy")
    unit.run(f"cp {unit.report} {copy}")
    assert (Report.read(copy).before, Report.read(copy).after) == ("1", "unknown")


def test_one_that_takes_too_long_is_ended(unit: Unit) -> None:
    assert unit.run("exec sleep 60", timeout=0.1) == 1
    assert unit.said[-1].startswith("the migrations did not end within 0s, and were ended")


def test_one_that_does_not_want_to_end_is_killed(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrator, "_END_SECONDS", 0.1)
    argv = [sys.executable, "-c", "import signal; signal.signal(15, signal.SIG_IGN); signal.pause()"]
    job = Job(argv, [], True, 1.0, str(unit.report))
    assert migrator.main(json.dumps(asdict(job)), unit.said.append) == 1


def test_a_program_that_is_not_there(unit: Unit) -> None:
    job = Job(["no-such-program"], [], True, 1.0, str(unit.report))
    assert migrator.main(json.dumps(asdict(job)), unit.said.append) == 1
    assert unit.said[-1].startswith("no-such-program cannot be run (No such file")


def test_commands_have_the_environment_without_the_socket_of_systemd(
    unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/x")
    assert unit.run('test "$DATABASE_URL" = sqlite:///d -a -z "$NOTIFY_SOCKET"') == 0


def test_a_postgresql_database_is_locked_around_all_of_it(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    @contextmanager
    def locked(url: str, wait: float, say: Any) -> Any:
        seen.append((url, wait, unit.database.read_text()))
        yield
        seen.append(unit.database.read_text())

    monkeypatch.setenv("DATABASE_URL", "postgres://h/d")
    monkeypatch.setattr(migrator.database, "locked", locked)
    assert unit.run() == 0
    assert seen == [("postgresql://h/d", 30.0, "1"), "2"]
    assert unit.left().note == ""


@pytest.mark.parametrize(("driver", "own", "anew"), [(None, True, True), (object(), True, False), (None, False, False)])
def test_without_a_driver_the_apps_own_python_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: object, own: bool, anew: bool
) -> None:
    started: list[list[str]] = []
    python = tmp_path / ".venv" / "bin" / "python"
    if own:
        python.parent.mkdir(parents=True)
        python.touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(migrator.sys, "prefix", sys.base_prefix)
    monkeypatch.setattr(migrator.sys, "argv", ["agent.pyz", "migrate", "{}"])
    monkeypatch.setattr(migrator.importlib.util, "find_spec", lambda name: driver)
    monkeypatch.setattr(migrator.os, "execv", lambda program, argv: started.append(argv))
    migrator._have_driver()
    assert started == ([[str(python), "-I", "agent.pyz", "migrate", "{}"]] if anew else [])


def test_a_lock_that_is_not_got_is_told(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(url: str, wait: float, say: Any) -> Any:
        raise OpsError("another migration", next_step="wait")

    monkeypatch.setenv("DATABASE_URL", "postgres://h/d")
    monkeypatch.setattr(migrator.database, "locked", locked)
    assert unit.run() == 1
    assert unit.said == ["another migration. Next: wait."]
    assert (unit.left(), unit.database.read_text()) == (Report(), "1")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"before": "1"}', "[" * 9000, "x" * 20000])
def test_anything_may_be_in_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "report").write_text(text)
    assert Report.read(tmp_path / "report") == Report()
    assert Report.read(tmp_path / "nothing") == Report()
