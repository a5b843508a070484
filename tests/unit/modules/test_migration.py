# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.modules import migration
from host import Host
from units import Units

RELEASE = {"id": "r2", "commit": "b" * 40, "version": "v2"}
SECRET = "postgresql://blyan:hunter2@h/d"


@pytest.fixture(autouse=True)
def _environment(host: Host) -> None:
    (host.etc / "site.env").write_text(f"DATABASE_URL={SECRET}\n")


def call(host: Host, command: str, *, check: bool = False) -> dict[str, Any]:
    given = {"root": str(host.root), "release": RELEASE, "environment": {"COLOUR": "teal"}, "command": command}
    return host.call(migration.main, check, **given)


def test_it_runs_as_the_app_in_the_release_with_the_environment_of_the_slot(host: Host, units: Units) -> None:
    result = call(host, "python scripts/migrate_db.py --to 'the latest'")
    assert result["changed"]
    ((command, properties),) = units.ran
    assert command == ["/usr/bin/env", "python", "scripts/migrate_db.py", "--to", "the latest"]
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
    assert units.calls == []
