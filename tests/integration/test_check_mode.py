# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`--check --diff` writes nothing anywhere, and announces what the real run then does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import Serving
from playbook import Playbooks
from site_host import Site


def nothing_yet(serving: Serving, site: Site) -> None:
    site.reset()


def one_version(serving: Serving, site: Site) -> None:
    serving("v1")


def two_versions(serving: Serving, site: Site) -> None:
    serving("v1")
    serving("v2")


@pytest.mark.parametrize(
    ("before", "playbook", "variables"),
    [
        pytest.param(nothing_yet, "deploy", {"deploy_version": "v1"}, id="first deploy"),
        pytest.param(one_version, "deploy", {"deploy_version": "v2", "deploy_environment": {"A": "b"}}, id="deploy"),
        pytest.param(two_versions, "rollback", {}, id="rollback"),
        pytest.param(two_versions, "restart", {}, id="restart"),
    ],
)
def test_check_announces_what_the_run_does_and_writes_nothing(
    site: Site,
    play: Playbooks,
    serving: Serving,
    before: Callable[[Serving, Site], None],
    playbook: str,
    variables: dict[str, Any],
) -> None:
    before(serving, site)
    found = site.files()
    check = play(playbook, "--check", "--diff", **variables)
    assert site.files() ^ found == set()
    real = play(playbook, "--diff", **variables)
    assert site.files() ^ found != set()
    assert check.changed == real.changed > 0
    assert check.diffs == real.diffs
    assert len(check.diffs) == check.changed


def test_check_of_the_version_that_is_live_announces_nothing(site: Site, play: Playbooks) -> None:
    play("deploy", deploy_version="v1")
    check = play("deploy", "--check", "--diff", deploy_version="v1")
    assert (check.changed, check.diffs) == (0, [])


def test_check_refuses_what_the_run_would_refuse(site: Site, play: Playbooks, serving: Serving) -> None:
    serving("v1")
    found = site.files()
    refused = play("deploy", "--check", "--diff", deploy_version="v99", code=2)
    assert "has no branch, tag or commit 'v99'" in refused.message
    assert site.files() ^ found == set()
