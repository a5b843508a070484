# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import migration as operation
from ansible_collections.blyan.ops.plugins.module_utils import pack
from ansible_collections.blyan.ops.plugins.module_utils.layout import Layout
from ansible_collections.blyan.ops.plugins.module_utils.migrator import NOT_ALLOWED, Report
from ansible_collections.blyan.ops.plugins.module_utils.releases import Records, Release
from ansible_collections.blyan.ops.plugins.modules import migration
from host import Host
from units import Units

RELEASE = {"id": "r2", "commit": "b" * 40, "version": "v2"}
SECRET = "postgresql://blyan:hunter2@h/d"


@pytest.fixture(autouse=True)
def _environment(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    (host.etc / "site.env").write_text(f"DATABASE_URL={SECRET}\n")
    monkeypatch.setattr(operation, "REPORTS", host.progress)
    monkeypatch.setattr(operation.shutil, "chown", lambda path, user: None)
    monkeypatch.setattr(pack, "AGENT", host.etc / "agent.pyz")


def call(host: Host, command: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
    given = {"root": str(host.root), "release": RELEASE, "environment": {"COLOUR": "teal"}, "command": command}
    return host.call(migration.main, check, **{**given, **options})


def job(units: Units) -> dict[str, Any]:
    """What the unit was told to do."""
    ((command, _properties),) = units.ran
    told: dict[str, Any] = json.loads(command[-1])
    return told


@pytest.fixture
def records(host: Host) -> Records:
    """The release that is to be, and the one that serves."""
    layout = Layout(host.root)
    layout.records.mkdir()
    records = Records(layout)
    records.save(Release("r1", "a" * 40, "v1", "v", "good", "t", "anna", schema_after="1"))
    records.save(Release("r2", "b" * 40, "v2", "v", "building", "t", "anna"))
    layout.current.symlink_to(layout.release("r1"))
    return records


def test_it_runs_as_the_app_in_the_release_with_the_environment_of_the_slot(host: Host, units: Units) -> None:
    result = call(host, "python scripts/migrate_db.py --to 'the latest'")
    assert result["changed"]
    ((command, properties),) = units.ran
    assert command[:-1] == ["/usr/bin/python3", "-I", f"{host.etc}/agent.pyz", "migrate"]
    assert (host.etc / "agent.pyz").exists()
    assert job(units)["command"] == ["python", "scripts/migrate_db.py", "--to", "the latest"]
    assert (job(units)["allowed"], job(units)["timeout"], job(units)["schema"]) == (True, 600.0, [])
    assert "User=blyan" in properties
    assert f"WorkingDirectory={host.root}/releases/r2" in properties
    files = [f"EnvironmentFile=-{host.etc}/{name}" for name in ("site.env", "slots/blue.env", "master_key.env")]
    assert [each for each in properties if each.startswith("EnvironmentFile")] == files


def test_the_idle_slot_has_the_environment_of_the_release_before_it_runs(host: Host, units: Units) -> None:
    call(host, "python scripts/migrate_db.py")
    assert (host.etc / "slots" / "blue.env").read_text() == 'COLOUR="teal"\n'
    assert (host.root / "slots" / "blue").readlink() == host.root / "releases" / "r2"
    assert units.states == {}


def test_no_secret_is_in_the_process_list(host: Host, units: Units) -> None:
    call(host, "python scripts/migrate_db.py")
    assert "hunter2" not in str(units.ran)


def test_a_failure_shows_its_last_lines_without_secrets(host: Host, units: Units) -> None:
    units.fails = [f"cannot connect to {SECRET}", "exit 1"]
    result = call(host, "python scripts/migrate_db.py")
    assert result["reason"] == "the migrations of r2 failed"
    assert result["details"][:2] == ["cannot connect to ***", "exit 1"]
    assert "hunter2" not in str(result)
    assert list((host.state / "steps").iterdir()) == []


def test_the_record_has_the_schema_before_and_after(host: Host, units: Units, records: Records) -> None:
    units.report = Report("1", "2", "2")
    result = call(host, "python x.py", schema_command="python x.py --schema")
    assert job(units)["schema"] == ["python", "x.py", "--schema"]
    assert result["schema"] == {"schema_before": "1", "schema_after": "2"}
    record = records.get("r2")
    assert record is not None
    assert (record.schema_before, record.schema_after) == ("1", "2")
    assert list(host.progress.iterdir()) == []


def test_a_failure_is_remembered_with_the_schema_that_it_left(host: Host, units: Units, records: Records) -> None:
    units.fails, units.report = ["exit 1"], Report("1", "2", "3")
    call(host, "python x.py")
    record = records.get("r2")
    assert record is not None
    assert record.schema_after == "2"


@pytest.mark.parametrize(
    ("report", "why"),
    [
        (Report("1", "1", "2", NOT_ALLOWED), "bbbbbbb (v2) needs schema 2, and the database has 1;"),
        (Report("1", "1", "", NOT_ALLOWED), "deploy_schema_command does not tell which schema bbbbbbb (v2) needs;"),
    ],
)
def test_a_version_with_migrations_is_refused_where_there_may_be_none(
    host: Host, units: Units, report: Report, why: str
) -> None:
    units.report = report
    result = call(host, "python x.py", schema_command="x", allow_migrations=False)
    assert result["reason"].startswith(why)
    assert "deploy_allow_migrations" in result["next_step"]
    assert job(units)["allowed"] is False


def test_what_people_should_know_is_noted(host: Host, units: Units) -> None:
    units.report = Report(note="there was nothing to lock")
    assert call(host, "python x.py")["notes"] == ["there was nothing to lock"]


def test_check_mode_names_the_command_and_runs_nothing(host: Host, units: Units) -> None:
    result = call(host, "python x.py", check=True)
    assert result["changed"]
    assert "runs: python x.py" in result["diff"][-1]["after"]
    assert units.calls == []


def test_no_command_is_nothing_to_do(host: Host, units: Units) -> None:
    assert not call(host, "")["changed"]
    assert units.calls == []


def test_an_open_quote_is_refused(host: Host, units: Units) -> None:
    assert "deploy_migrate_command is 'python \"x'" in call(host, 'python "x')["reason"]
    assert "deploy_schema_command is 'x \"'" in call(host, "python x", schema_command='x "')["reason"]
    assert units.calls == []
