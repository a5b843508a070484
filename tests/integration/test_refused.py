# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions that must not serve: the old one serves on, the error tells why, and the host is clean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from conftest import NAME, Serving
from playbook import Playbooks, PlayResult
from site_host import Site, lost

START = "Start it in the idle slot"


@dataclass(frozen=True)
class Refused:
    """A deploy that fails: the version, the phase that is named, what the error says, and the variables."""

    version: str
    phase: str
    says: tuple[str, ...]
    variables: dict[str, Any] = field(default_factory=dict)


CASES = {
    "crash at import": Refused(
        "broken-import", START, ("ended while it started", "RuntimeError: this version cannot start")
    ),
    "never binds": Refused(
        "broken-bind",
        START,
        ("was not healthy within 5s: no answer", "Blyan API 2.2.0 starting"),
        {"deploy_health_timeout": "5s"},
    ),
    "health is a 500": Refused(
        "broken-health",
        START,
        ("was not healthy within 3s: HTTP 500", "RuntimeError: this version has no health"),
        {"deploy_health_timeout": "3s"},
    ),
    "health is a 200 that says unhealthy": Refused(
        "broken-unhealthy",
        START,
        ("was not healthy within 3s: HTTP 200 with status unhealthy", "Application startup complete"),
        {"deploy_health_timeout": "3s"},
    ),
    "requirements cannot be installed": Refused(
        "broken-requirements", "Make the release", ("No matching distribution found for redis==999.0.0",)
    ),
    "migration fails": Refused(
        "broken-migration",
        "Run the migrations",
        ('migration 2 (half of it) failed: relation "missing" does not exist',),
    ),
    "no such version": Refused(
        "v99", "Preflight", ("/srv/git/blyan.git has no branch, tag or commit 'v99'", "Next: look at what is there")
    ),
    "repository is not there": Refused(
        "v2",
        "Preflight",
        ("the repository /srv/git/moved.git cannot be reached", "Next: check deploy_repo"),
        {"deploy_repo": "/srv/git/moved.git"},
    ),
    "repository does not answer": Refused(
        "v2",
        "Preflight",
        ("the repository https://127.0.0.1:1/blyan.git cannot be reached", "Next: check deploy_repo"),
        {"deploy_repo": "https://127.0.0.1:1/blyan.git"},
    ),
    "no repository is named": Refused(
        "v2", "Preflight", ("deploy_repo is ''", "Next: set deploy_repo"), {"deploy_repo": ""}
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_old_version_serves_on_and_a_good_one_is_deployed_right_after(
    site: Site, play: Playbooks, serving: Serving, case: Refused
) -> None:
    old = site.live()
    if old is None or old.version not in ("v1", "v2"):
        old = serving("v1")
    with site.load() as load:
        refused = play("deploy", deploy_version=case.version, code=2, **case.variables)
    assert lost(load.result) == {}
    assert load.result.releases == [old.release]
    assert site.live() == old
    check_error(refused, case)
    assert site.unclean() == []
    good = "v2" if old.version == "v1" else "v1"
    play("deploy", deploy_version=good)
    live = site.live()
    assert live is not None
    assert (live.version, site.answering()) == (good, {live.release})


def check_error(refused: PlayResult, case: Refused) -> None:
    """The error says the same to people and to machines, and says what it has to."""
    assert refused.told["ok"] is False
    assert refused.host["ok"] is False
    assert refused.host["phase"] == case.phase
    assert refused.message.startswith(f"{case.phase}: ")
    for text in case.says:
        assert text in refused.message
    summary = refused.output[refused.output.rindex(f"{NAME}: FAILED") :]
    for line in refused.message.splitlines():
        assert line in summary


def test_a_failed_migration_leaves_the_schema_as_it_was(fresh: Site, play: Playbooks) -> None:
    play("deploy", deploy_version="v1")
    dump = "runuser -u postgres -- pg_dump --schema-only --dbname=blyandb | grep -vE '^.(un)?restrict '"
    before = fresh.shell(dump)
    play("deploy", deploy_version="broken-migration", code=2)
    assert fresh.shell(dump) == before


def test_a_bad_first_version_leaves_a_host_on_which_a_good_one_works(fresh: Site, play: Playbooks) -> None:
    refused = play("deploy", deploy_version="broken-import", code=2)
    assert "RuntimeError: this version cannot start" in refused.message
    assert fresh.live() is None
    play("deploy", deploy_version="v1")
    assert fresh.unclean() == []


def test_what_failed_is_remembered_with_its_reason(site: Site, play: Playbooks, serving: Serving) -> None:
    serving("v1")
    play("deploy", deploy_version="broken-import", code=2)
    newest = play("releases").host["releases"][-1]
    assert (newest["version"], newest["state"], newest["pruned"]) == ("broken-import", "bad", True)
    assert newest["error"].startswith(f"{START}: ")
    refused = play("rollback", deploy_rollback_to="broken-import", code=2)
    assert f"no good release is called so: {newest['id']} is gone from disk" in refused.message
