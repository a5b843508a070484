# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import pwd
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import layout, pack, preflight
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.slots import HostFile
from ansible_collections.blyan.ops.plugins.module_utils.web import Unanswered

from .samples import HEALTHY, RUNNING, SILENT, STOPPED, release

ONE, TWO = release(1), release(2, replaced=release(1).id)
BLUE = preflight.Slot(TWO.id, RUNNING, HEALTHY)
GREEN = preflight.Slot(ONE.id, STOPPED, SILENT)
FOUND = preflight.Found("blue", {"blue": BLUE, "green": GREEN}, [ONE, TWO], [])
BARE = preflight.Found(None, {name: preflight.Slot(None, STOPPED, SILENT) for name in layout.SLOTS}, [], [])
ENVIRONMENT = 'A="1"\n'
AGENT = b"agent"


def nothing(
    found: preflight.Found, commit: str, environment: str | None, files: list[HostFile], agent: bytes = AGENT
) -> bool:
    return preflight.nothing_to_deploy(found, commit, lambda: TWO.venv, environment, files, agent)


@pytest.fixture
def unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HostFile:
    """A host on which the blue slot has its environment, and this file is as it should be."""
    monkeypatch.setattr(layout, "environment_file", lambda slot: tmp_path / f"{slot}.env")
    (tmp_path / "blue.env").write_text(ENVIRONMENT)
    (tmp_path / "unit").write_text("[Service]\n")
    monkeypatch.setattr(pack, "AGENT", tmp_path / "agent.pyz")
    (tmp_path / "agent.pyz").write_bytes(AGENT)
    return HostFile(str(tmp_path / "unit"), "[Service]\n")


def test_the_release_that_serves() -> None:
    assert FOUND.release == TWO
    assert BARE.release is None
    assert replace(FOUND, releases=[ONE]).release is None


def test_nothing_to_deploy(unit: HostFile) -> None:
    assert nothing(FOUND, TWO.commit, ENVIRONMENT, [unit])
    assert nothing(FOUND, TWO.commit, None, [], b"")


@pytest.mark.parametrize(
    "found",
    [
        BARE,
        replace(FOUND, leftovers=["slot"]),
        replace(FOUND, releases=[ONE, replace(TWO, state="building")]),
        replace(FOUND, slots={"blue": replace(BLUE, health=SILENT), "green": GREEN}),
        replace(FOUND, live="green"),
    ],
    ids=["bare", "leftovers", "never proven", "unhealthy", "the other slot"],
)
def test_something_to_deploy(found: preflight.Found, unit: HostFile) -> None:
    assert not nothing(found, TWO.commit, ENVIRONMENT, [unit])


def test_another_commit_environment_or_file_is_something_to_deploy(unit: HostFile) -> None:
    assert not nothing(FOUND, ONE.commit, ENVIRONMENT, [unit])
    assert not nothing(FOUND, TWO.commit, 'A="2"\n', [unit])
    assert not nothing(FOUND, TWO.commit, ENVIRONMENT, [replace(unit, content="[Unit]\n")])
    assert not nothing(FOUND, TWO.commit, ENVIRONMENT, [replace(unit, path=unit.path + "2")])


def test_another_virtual_environment_or_agent_is_something_to_deploy(unit: HostFile) -> None:
    assert not preflight.nothing_to_deploy(FOUND, TWO.commit, lambda: "other", ENVIRONMENT, [unit], AGENT)
    assert not nothing(FOUND, TWO.commit, ENVIRONMENT, [unit], b"newer")
    pack.AGENT.unlink()
    assert not nothing(FOUND, TWO.commit, ENVIRONMENT, [unit])


def test_what_another_commit_needs_is_not_asked_for(unit: HostFile) -> None:
    def venv() -> str:
        raise AssertionError

    assert not preflight.nothing_to_deploy(FOUND, ONE.commit, venv, ENVIRONMENT, [unit], AGENT)


def test_targets() -> None:
    assert preflight.target(FOUND, "deploy", "") is None
    assert preflight.target(FOUND, "restart", "") == TWO
    assert preflight.target(FOUND, "rollback", "") == ONE
    assert preflight.target(FOUND, "rollback", ONE.commit) == ONE


@pytest.mark.parametrize("purpose", ["rollback", "restart"])
def test_a_bare_host_has_no_target(purpose: str) -> None:
    with pytest.raises(OpsError, match="no release"):
        preflight.target(BARE, purpose, "")


def test_the_report_is_plain_values() -> None:
    told = preflight.report(FOUND)
    assert told["live"]["id"] == TWO.id
    assert told["live"]["slot"] == "blue"
    assert told["slots"]["green"] == {
        "release": ONE.id,
        "state": "inactive",
        "since": "",
        "restarts": 0,
        "healthy": False,
        "health": "not running",
    }
    assert [each["id"] for each in told["releases"]] == [ONE.id, TWO.id]
    assert preflight.report(BARE)["live"] is None


OLD, MIGRATED = replace(ONE, schema_after="1"), replace(TWO, schema_before="1", schema_after="2")


def test_a_rollback_across_a_migration_is_refused_unless_it_is_wanted() -> None:
    found = replace(FOUND, releases=[OLD, MIGRATED])
    with pytest.raises(OpsError, match="was deployed with schema 1") as caught:
        preflight.require_schema(found, OLD, False)
    assert "deploy_rollback_across_migrations: true" in caught.value.next_step
    preflight.require_schema(found, OLD, True)
    preflight.require_schema(found, MIGRATED, False)


def test_a_rollback_past_a_migration_that_was_cut_short_is_refused_unless_it_is_wanted() -> None:
    found = replace(FOUND, leftovers=["migration"])
    with pytest.raises(OpsError, match="an earlier run was cut short in its migration"):
        preflight.require_schema(found, ONE, False)
    preflight.require_schema(found, ONE, True)


def test_an_unknown_user_is_refused() -> None:
    with pytest.raises(OpsError, match="there is no user 'nobody-of-that-name'"):
        preflight.require_host("nobody-of-that-name", "http://127.0.0.1/", True)


def test_a_silent_front_door_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight.shutil, "which", lambda program, path: f"/usr/bin/{program}")
    with pytest.raises(OpsError, match=r"nothing answers at http://127\.0\.0\.1:1/ ") as caught:
        preflight.require_host(pwd.getpwuid(os.geteuid()).pw_name, "http://127.0.0.1:1/", True)
    assert "blyan_front_url" in caught.value.next_step


def test_an_app_that_hangs_behind_the_front_door_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(url: str, validate_certs: bool) -> None:
        raise Unanswered("timed out")

    monkeypatch.setattr(preflight.shutil, "which", lambda program, path: f"/usr/bin/{program}")
    monkeypatch.setattr(preflight, "get", hang)
    preflight.require_host(pwd.getpwuid(os.geteuid()).pw_name, "http://127.0.0.1/", True)


def test_a_missing_program_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight.shutil, "which", lambda program, path: None)
    with pytest.raises(OpsError, match="git is not on this host"):
        preflight.require_host(pwd.getpwuid(os.geteuid()).pw_name, "http://127.0.0.1:1/", True)
