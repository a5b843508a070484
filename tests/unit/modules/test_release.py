# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import venvs
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.layout import Layout
from ansible_collections.blyan.ops.plugins.module_utils.releases import Records
from ansible_collections.blyan.ops.plugins.modules import release
from host import Host
from origin import Origin
from units import Units

FILES = {"requirements.txt": "uvicorn\n", "api/server.py": "app = None\n"}


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path)


@pytest.fixture(autouse=True)
def built(monkeypatch: pytest.MonkeyPatch, units: Units) -> list[Path]:
    """Virtual environments are made without pip, and noted here."""
    made: list[Path] = []

    def build(venv: Path, **arguments: Any) -> None:
        made.append(venv)
        venv.mkdir(parents=True)
        (venv / ".complete").touch()

    monkeypatch.setattr(venvs, "build", build)
    return made


def call(host: Host, origin: Origin, commit: str, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
    given = {"root": str(host.root), "repo": str(origin.path), "commit": commit, "version": "main", "min_free_mb": 1}
    user = {"user": getpass.getuser(), "python": sys.executable}
    return host.call(release.main, check, **given, **user, **arguments)


def abandon(host: Host, name: str, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
    given = {"root": str(host.root), "state": "abandoned", "id": name, "reason": "it never was healthy"}
    return host.call(release.main, check, **given, **arguments)


def records(host: Host) -> Records:
    return Records(Layout(host.root))


def test_a_release_is_files_virtual_environment_and_record(host: Host, origin: Origin, built: list[Path]) -> None:
    commit = origin.commit(FILES)
    result = call(host, origin, commit)
    made = result["release"]
    directory = host.root / "releases" / made["id"]
    assert (made["commit"], made["version"], made["state"]) == (commit, "main", "building")
    assert (directory / "REVISION").read_text() == f"{commit}\n"
    assert (directory / "api" / "server.py").read_text() == FILES["api/server.py"]
    assert list((directory / "api" / "__pycache__").iterdir()) != []
    assert built == [Path(os.readlink(directory / ".venv"))]
    assert records(host).get(made["id"]) is not None
    assert host.holder() == ""


def test_check_mode_tells_the_same_and_writes_nothing(host: Host, origin: Origin) -> None:
    commit = origin.commit(FILES)
    before = host.files()
    told = call(host, origin, commit, check=True)
    assert host.files() == before
    assert told["diff"] == call(host, origin, commit)["diff"]


def test_the_live_release_is_used_again(host: Host, origin: Origin, built: list[Path]) -> None:
    commit = origin.commit(FILES)
    first = call(host, origin, commit)["release"]
    records(host).change(first["id"], state="good")
    (host.root / "current").symlink_to(host.root / "releases" / first["id"])
    again = call(host, origin, commit)
    assert not again["changed"]
    assert again["release"]["id"] == first["id"]
    assert len(built) == 1


def test_the_same_requirements_need_no_pip(host: Host, origin: Origin, built: list[Path]) -> None:
    call(host, origin, origin.commit(FILES))
    call(host, origin, origin.commit({"api/server.py": "app = 1\n"}))
    assert len(built) == 1
    call(host, origin, origin.commit({"requirements.txt": "uvicorn\nfastapi\n"}))
    assert len(set(built)) == 2


def test_a_failure_leaves_nothing(host: Host, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(venv: Path, **arguments: Any) -> None:
        venv.mkdir(parents=True)
        raise OpsError("pip could not install requirements.txt", next_step="mend it", details=["No matching"])

    monkeypatch.setattr(venvs, "build", fail)
    result = call(host, origin, origin.commit(FILES))
    assert result["reason"] == "pip could not install requirements.txt"
    assert result["details"][0] == "No matching"
    left = [path.name for name in ("releases", "records", "venvs") for path in (host.root / name).iterdir()]
    assert left == []
    assert list((host.state / "steps").iterdir()) == []


def test_a_version_without_requirements_is_refused(host: Host, origin: Origin) -> None:
    result = call(host, origin, origin.commit({"README": "x"}))
    assert result["reason"] == "the version has no requirements.txt"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"keep": 1}, "deploy_keep_releases is 1"),
        ({"min_free_mb": 10**9}, "MB free, and a release needs 1000000000 MB"),
        ({"pip_extra_args": "--index-url https://a:hunter2@h/"}, "deploy_pip_extra_args carries a password"),
        ({"root": "/nonexistent"}, "/nonexistent is not on this host"),
    ],
)
def test_a_refusal_writes_nothing(host: Host, origin: Origin, arguments: dict[str, Any], reason: str) -> None:
    commit = origin.commit(FILES)
    given = {"root": str(host.root), "repo": str(origin.path), "commit": commit, "min_free_mb": 1, **arguments}
    result = host.call(release.main, **given)
    assert reason in result["reason"]
    assert "hunter2" not in result["msg"]
    assert list(host.root.iterdir()) == []
    assert host.journal() == []


def test_old_releases_go(host: Host, origin: Origin) -> None:
    made = []
    for number in range(4):
        commit = origin.commit({**FILES, "number": str(number)})
        made.append(call(host, origin, commit, keep=2)["release"]["id"])
        records(host).change(made[-1], state="good", live_since=f"2026-11-0{number + 1}T00:00:00Z")
    kept = {path.name for path in (host.root / "releases").iterdir()}
    assert kept == set(made[2:])
    first = records(host).get(made[0])
    assert first is not None
    assert first.pruned


def test_an_abandoned_release_is_gone_and_its_record_says_why(host: Host, origin: Origin, units: Units) -> None:
    made = call(host, origin, origin.commit(FILES))["release"]["id"]
    (host.root / "slots").mkdir()
    (host.root / "slots" / "blue").symlink_to(host.root / "releases" / made)
    units.states["aiblock@blue.service"] = "active"
    result = abandon(host, made)
    assert result["changed"]
    found = records(host).get(made)
    assert found is not None
    assert (found.state, found.error, found.pruned) == ("bad", "it never was healthy", True)
    assert not (host.root / "releases" / made).exists()
    assert units.states == {}
    assert host.holder() == ""


def test_what_its_migrations_did_is_told_and_remembered(host: Host, origin: Origin, units: Units) -> None:
    made = call(host, origin, origin.commit(FILES))["release"]["id"]
    result = abandon(host, made, schema_before="1", schema_after="2")
    assert result["moved"] == "The database was migrated: its schema went from 1 to 2, and stays so."
    found = records(host).get(made)
    assert found is not None
    assert (found.schema_before, found.schema_after) == ("1", "2")


def test_a_rollback_that_failed_has_nothing_to_tell_of_migrations(host: Host, origin: Origin, units: Units) -> None:
    made = call(host, origin, origin.commit(FILES))["release"]["id"]
    records(host).change(made, state="good", schema_before="1", schema_after="2")
    assert abandon(host, made)["moved"] == ""


def test_a_release_says_itself_which_schemas_it_is_compatible_with(host: Host, origin: Origin) -> None:
    commit = origin.commit({**FILES, "SCHEMA_COMPATIBLE": "# older ones\n1\n2\n"})
    assert call(host, origin, commit)["release"]["schema_compatible"] == "1 2"


def test_a_release_that_serves_is_not_abandoned(host: Host, origin: Origin, units: Units) -> None:
    made = call(host, origin, origin.commit(FILES))["release"]["id"]
    (host.root / "slots").mkdir()
    (host.root / "slots" / "blue").symlink_to(host.root / "releases" / made)
    (host.root / "live.sock").symlink_to(host.sockets / "blue.sock")
    units.states["aiblock@blue.service"] = "active"
    assert not abandon(host, made)["changed"]
    assert units.calls == ["run aiblock-fetch.service"]
    assert (host.root / "releases" / made).exists()


def test_nothing_to_abandon_gives_the_lock_back(host: Host, origin: Origin, units: Units) -> None:
    call(host, origin, origin.commit(FILES), keep_lock="always")
    assert host.holder() == "run-1"
    assert not abandon(host, "")["changed"]
    assert host.holder() == ""


def test_abandoning_in_check_mode_writes_nothing(host: Host, origin: Origin, units: Units) -> None:
    made = call(host, origin, origin.commit(FILES))["release"]["id"]
    before = host.files()
    assert abandon(host, made, check=True)["changed"]
    assert host.files() == before
