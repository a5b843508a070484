# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import agent, by_hand, legacy_unit, pack, preflight, venvs
from ansible_collections.blyan.ops.plugins.module_utils.layout import Layout
from ansible_collections.blyan.ops.plugins.module_utils.lock import Lock
from ansible_collections.blyan.ops.plugins.module_utils.releases import Records, Release
from ansible_collections.blyan.ops.plugins.module_utils.run import Run
from ansible_collections.blyan.ops.plugins.modules import release_info
from app import App, running
from host import Host
from origin import Origin
from servers import answer, served
from units import Units

FILES = {"a": "1", "requirements.txt": "uvicorn\n", "other.txt": "uvicorn\nfastapi\n"}
HEALTHY = answer("200 OK", b'{"status": "healthy"}')


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path)


@pytest.fixture
def front(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Something answers where nginx should."""
    monkeypatch.setattr(preflight.shutil, "which", lambda program, path: f"/usr/bin/{program}")
    with served(HEALTHY) as (url, _heads):
        yield url


@pytest.fixture
def commit(host: Host, origin: Origin, units: Units) -> Iterator[str]:
    """The commit of the release that serves from blue, healthy."""
    commit = origin.commit(FILES)
    venv = venvs.key({"requirements.txt": FILES["requirements.txt"]}, venvs.interpreter(sys.executable), "")
    layout = Layout(host.root)
    layout.records.mkdir()
    for number, each in enumerate(["f" * 40, commit]):
        replaced = "r0" if number else ""
        Records(layout).save(Release(f"r{number}", each, "main", venv, "good", "t", "anna", replaced=replaced))
    layout.slot("blue").parent.mkdir()
    layout.slot("blue").symlink_to(layout.release("r1"))
    layout.live.symlink_to(host.sockets / "blue.sock")
    units.states["aiblock@blue.service"] = "active"
    with running(App(), host.sockets / "blue.sock"):
        yield commit


def call(host: Host, purpose: str = "list", **arguments: Any) -> dict[str, Any]:
    given = {"root": str(host.root), "user": getpass.getuser(), "python": sys.executable, **arguments}
    return host.call(release_info.main, purpose=purpose, **given)


def test_a_bare_host(host: Host, units: Units) -> None:
    before = host.files()
    result = call(host)
    assert host.files() == before
    assert not result["changed"]
    assert (result["live"], result["releases"], result["holder"], result["leftovers"]) == (None, [], None, [])
    assert result["slots"]["blue"]["state"] == "inactive"


def test_what_is_live(host: Host, commit: str) -> None:
    result = call(host)
    assert (result["live"]["id"], result["live"]["slot"], result["live"]["commit"]) == ("r1", "blue", commit)
    assert result["slots"]["blue"]["healthy"]
    assert [each["id"] for each in result["releases"]] == ["r0", "r1"]


@pytest.mark.usefixtures("commit")
def test_what_the_app_says_is_told_without_secrets(host: Host, front: str) -> None:
    (host.etc / "master_key.env").write_text("API_MASTER_KEY=canary-of-the-host\n")
    (host.sockets / "blue.sock").unlink()
    with served(answer("503 No", b"my key is canary-of-the-host"), host.sockets / "blue.sock"):
        assert call(host)["slots"]["blue"]["health"] == "HTTP 503 my key is ***"
    (host.sockets / "blue.sock").unlink()
    with running(App(listing=(401, {"detail": "canary-of-the-host is wrong"})), host.sockets / "blue.sock"):
        assert 'HTTP 401 {"detail": "*** is wrong"}' in call(host, "restart", front_url=front)["reason"]


def test_the_same_version_again_needs_nothing(host: Host, origin: Origin, commit: str, front: str) -> None:
    result = call(host, "deploy", repo=str(origin.path), front_url=front)
    assert (result["commit"], result["needed"], result["target"]) == (commit, False, None)


@pytest.mark.parametrize(
    "arguments", [{"pip_extra_args": "--no-index"}, {"requirements": "other.txt"}, {"python": "newer"}]
)
def test_another_virtual_environment_is_to_be_made(
    host: Host, origin: Origin, front: str, tmp_path: Path, commit: str, arguments: dict[str, str]
) -> None:
    (tmp_path / "newer").write_text("#!/bin/sh\necho Python 3.99.0\n")
    (tmp_path / "newer").chmod(0o755)
    given = {name: str(tmp_path / value) if name == "python" else value for name, value in arguments.items()}
    result = call(host, "deploy", repo=str(origin.path), front_url=front, **given)
    assert (result["commit"], result["needed"]) == (commit, True)


def test_another_agent_is_to_be_installed(
    host: Host, origin: Origin, commit: str, front: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "AGENT", tmp_path / "agent.pyz")
    (tmp_path / "unit").write_text("[Service]\n")
    files = [{"path": str(tmp_path / "unit"), "content": "[Service]\n"}]
    for archive, needed in ((b"older", True), (pack.archive(agent), False)):
        pack.install(archive)
        result = call(host, "deploy", repo=str(origin.path), front_url=front, files=files)
        assert (result["commit"], result["needed"]) == (commit, needed)


def test_another_version_is_to_be_deployed(host: Host, origin: Origin, commit: str, front: str) -> None:
    new = origin.commit({"a": "2"})
    before = host.files()
    result = call(host, "deploy", repo=str(origin.path), front_url=front)
    assert (result["commit"], result["needed"]) == (new, True)
    assert host.files() == before


def test_what_a_killed_run_left_is_to_be_dealt_with(host: Host, origin: Origin, commit: str, front: str) -> None:
    (host.state / "steps").mkdir(parents=True)
    (host.state / "steps" / "slot.json").write_text("{}")
    result = call(host, "deploy", repo=str(origin.path), front_url=front)
    assert (result["leftovers"], result["needed"]) == (["slot"], True)


@pytest.mark.usefixtures("commit")
def test_targets(host: Host, front: str) -> None:
    assert call(host, "rollback", front_url=front)["target"]["id"] == "r0"
    assert call(host, "rollback", front_url=front, rollback_to="fffffff")["target"]["id"] == "r0"
    assert call(host, "restart", front_url=front)["target"]["id"] == "r1"


@pytest.mark.usefixtures("commit")
def test_a_rollback_across_a_migration(host: Host, front: str) -> None:
    for name, schema in (("r0", "1"), ("r1", "2")):
        Records(Layout(host.root)).change(name, schema_after=schema)
    assert "r0 (main) was deployed with schema 1" in call(host, "rollback", front_url=front)["reason"]
    assert call(host, "rollback", front_url=front, across_migrations=True)["target"]["id"] == "r0"
    assert call(host, "restart", front_url=front)["target"]["id"] == "r1"


@pytest.mark.parametrize("purpose", ["deploy", "rollback", "restart"])
@pytest.mark.usefixtures("commit")
def test_nodes_that_could_not_be_carried_over_are_seen_before_anything_changes(
    host: Host, origin: Origin, front: str, purpose: str
) -> None:
    origin.commit({"a": "2"})
    (host.sockets / "blue.sock").unlink()
    with running(App(listing=(503, {})), host.sockets / "blue.sock"):
        result = call(host, purpose, repo=str(origin.path), front_url=front)
        assert "the nodes that aiblock@blue.service knows cannot be read: HTTP 503" in result["reason"]
        assert call(host, purpose, repo=str(origin.path), front_url=front, carry_nodes=False)["needed"]


@pytest.mark.usefixtures("commit")
def test_a_rollback_to_what_is_live_has_nothing_to_do(host: Host, front: str) -> None:
    found = call(host, "rollback", front_url=front, rollback_to="r1")
    assert (found["target"]["id"], found["needed"]) == ("r1", False)
    assert call(host, "rollback", front_url=front)["needed"]
    assert call(host, "restart", front_url=front)["needed"]


@pytest.mark.parametrize("purpose", ["deploy", "rollback", "restart"])
@pytest.mark.usefixtures("commit")
def test_another_run_keeps_it_out_but_not_from_looking(host: Host, front: str, purpose: str) -> None:
    host.state.mkdir()
    Lock(host.state).acquire(Run("other", "ben@desk", "rollback"))
    assert "held: rollback by ben@desk" in call(host, purpose, front_url=front)["reason"]
    assert call(host)["holder"]["who"] == "ben@desk"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"purpose": "deploy", "version": "v9"}, "has no branch, tag or commit 'v9'"),
        ({"purpose": "deploy", "version": "--help"}, "deploy_version is '--help'"),
        ({"purpose": "deploy", "repo": ""}, "deploy_repo is ''"),
        ({"purpose": "rollback", "rollback_to": "v9"}, "deploy_rollback_to is 'v9'"),
        ({"purpose": "deploy", "front_url": "http://127.0.0.1:1"}, "nothing answers at http://127.0.0.1:1/health"),
        ({"purpose": "deploy", "front_url": "nginx"}, "'nginx/health' is not an HTTP URL"),
        ({"purpose": "restart", "root": "/nonexistent"}, "/nonexistent is not on this host"),
    ],
)
@pytest.mark.usefixtures("commit")
def test_what_could_not_go_well_is_refused(
    host: Host, origin: Origin, front: str, arguments: dict[str, Any], reason: str
) -> None:
    given = {"root": str(host.root), "repo": str(origin.path), "front_url": front, "user": getpass.getuser()}
    result = host.call(release_info.main, **{**given, **arguments})
    assert reason in result["reason"]
    assert result["next_step"]


@pytest.fixture
def _by_hand(monkeypatch: pytest.MonkeyPatch, units: Units) -> None:
    """The unit of the host was written by hand."""
    monkeypatch.setattr(legacy_unit, "by_hand", lambda _unit: True)
    monkeypatch.setattr(by_hand, "require_packages", lambda _python, _shell: None)


@pytest.mark.usefixtures("_by_hand")
def test_a_host_that_was_deployed_by_hand_needs_no_provisioning(host: Host, origin: Origin, front: str) -> None:
    host.root.rmdir()
    commit = origin.commit({"a": "1"})
    result = call(host, "deploy", repo=str(origin.path), front_url=front)
    assert (result["by_hand"], result["needed"], result["commit"]) == (True, True, commit)


@pytest.mark.usefixtures("_by_hand")
@pytest.mark.parametrize("purpose", ["rollback", "restart", "list"])
def test_it_has_no_releases(host: Host, purpose: str) -> None:
    host.root.rmdir()
    result = call(host, purpose)
    assert "was deployed by hand, so that no release serves there" in result["reason"]
    assert "which takes the host over" in result["next_step"]


@pytest.mark.usefixtures("_by_hand")
def test_its_front_door_has_to_show_the_app(host: Host, origin: Origin) -> None:
    with served(answer("301 Moved Permanently", b"", "Location: https://blyan.com/")) as (url, _heads):
        result = call(host, "deploy", repo=str(origin.path), front_url=url)
    assert f"{url}/health does not show the app that serves now: HTTP 301" in result["reason"]


def test_where_a_release_serves_nothing_is_by_hand(host: Host, commit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The unit is not even looked at: a plain deploy pays nothing for it."""
    monkeypatch.setattr(legacy_unit, "show", lambda _shell: 1 / 0)
    assert call(host)["by_hand"] is False
