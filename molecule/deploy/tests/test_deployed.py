# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host after a deploy, the same once more, and a version that could not start."""

from __future__ import annotations

import json
from typing import Any

import pytest
import testhosts
import testinfra


@pytest.fixture(scope="session")
def host() -> Any:
    """The one host of the scenario."""
    return testinfra.get_host(f"podman://{testhosts.get('blyan-site').container}")


@pytest.fixture(scope="session")
def records(host: Any) -> dict[str, Any]:
    """The records of the releases, by the version that was asked for."""
    files = host.check_output("ls /srv/blyan/records/*.json").split()
    found = [json.loads(host.file(path).content_string) for path in files]
    return {record["version"]: record for record in found}


def test_the_good_version_serves(host: Any, records: dict[str, Any]) -> None:
    release = records["v2"]["id"]
    for url in ("http://127.0.0.1/api/health", "http://127.0.0.1:8000/health"):
        head, _blank, body = host.check_output(f"curl --silent --include {url}").partition("\r\n\r\n")
        assert f"x-blyan-release: {release}".lower() in head.lower()
        assert json.loads(body)["status"] == "healthy"


def test_the_links_name_it(host: Any, records: dict[str, Any]) -> None:
    release = records["v2"]
    assert host.file("/srv/blyan/current").linked_to == f"/srv/blyan/releases/{release['id']}"
    assert host.file("/srv/blyan/current/REVISION").content_string.strip() == release["commit"]


def test_one_slot_runs_and_starts_at_boot(host: Any) -> None:
    live = host.file("/srv/blyan/live.sock").linked_to
    assert live == "/run/aiblock/blue.sock"
    assert host.socket(f"unix://{live}").is_listening
    for unit, runs in (("aiblock@blue", True), ("aiblock@green", False), ("aiblock", True)):
        assert (host.service(unit).is_running, host.service(unit).is_enabled) == (runs, runs)


def test_the_app_runs_as_its_own_user(host: Any) -> None:
    assert {process.user for process in host.process.filter(comm="python")} == {"blyan"}


@pytest.mark.parametrize(
    ("path", "user", "group", "mode"),
    [
        ("/etc/blyan/master_key.env", "root", "root", 0o600),
        ("/etc/blyan/slots/blue.env", "root", "root", 0o600),
        ("/etc/systemd/system/aiblock@.service", "root", "root", 0o644),
        ("/usr/local/lib/blyan-ops/agent.pyz", "root", "root", 0o755),
        ("/run/aiblock", "blyan", "www-data", 0o750),
        ("/var/log/aiblock.log", "blyan", "adm", 0o640),
        ("/var/lib/blyan-ops", "root", "root", 0o700),
        ("/var/lib/blyan-ops/journal.jsonl", "root", "root", 0o600),
    ],
)
def test_who_may_what(host: Any, path: str, user: str, group: str, mode: int) -> None:
    found = host.file(path)
    assert (found.user, found.group, found.mode) == (user, group, mode)


def test_of_the_bad_version_only_the_record_is_left(host: Any, records: dict[str, Any]) -> None:
    bad = records["broken-import"]
    assert (bad["state"], bad["pruned"]) == ("bad", True)
    assert host.file("/srv/blyan/releases").listdir() == [records["v2"]["id"]]
    assert not host.file("/var/lib/blyan-ops/lock.json").exists
    assert host.file("/var/lib/blyan-ops/steps").listdir() == []
    assert host.check_output("systemctl --failed --plain --no-legend") == ""
